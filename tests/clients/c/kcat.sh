#!/usr/bin/env bash
# kcat as a client of the matrix: sends every line of a file as a record and prints the result as JSON.
set -euo pipefail

topic= brokers= file= codec=none acks=all idempotence=true keys=() headers=()
while [ $# -gt 0 ]; do
    case $1 in
        --brokers) brokers=$2; shift ;;
        --topic) topic=$2; shift ;;
        --file) file=$2; shift ;;
        --codec) codec=$2; shift ;;
        --acks) acks=$2; shift ;;
        --idempotence) idempotence=$2; shift ;;
        --keys) keys=(-K '|') ;;
        --headers) headers=(-H source=kcat -H trace=1 -H empty=) ;;
        *) echo "unknown: $1" >&2; exit 2 ;;
    esac
    shift
done

# docs:begin
# One record a line; with -K '|', each line is key|value.
kcat -P -b "$brokers" -t "$topic" -l "$file" \
    -X compression.codec="$codec" \
    -X acks="$acks" \
    -X enable.idempotence="$idempotence" \
    -X message.timeout.ms=60000 \
    "${keys[@]}" "${headers[@]}" >&2
# docs:end

# kcat's exit code is 0 only when every record was acknowledged.
sent=$(wc -l <"$file")
version=$(kcat -V | sed -n 's/.*Version \([^ ]*\) (.*librdkafka \([^ ]*\) .*/\1, librdkafka \2/p')
printf '{"client": "kcat", "version": "%s", "sent": %d, "acked": %d, "errors": []}\n' "$version" "$sent" "$sent"
