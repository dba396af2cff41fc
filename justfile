# What people type and what CI runs are the same commands: they stand in .ci/run.

# The recipes
default:
    @just --list

# Formatting and lints
check:
    .ci/run fmt lint

# Format the code
fmt:
    cargo fmt --all

# All tests; those against QuestDB fetch it once with Maven
test:
    .ci/run test

# All figures of this machine as one table, in some eight minutes: leave it alone meanwhile
bench:
    .ci/run bench

# kafka-producer-perf-test against the gateway and against Apache Kafka, in turn
perf-test:
    .ci/run perf_test

# Instructions a record by callgrind, against benches/instructions.toml
instructions:
    .ci/run instructions

# Every fuzz target, that many seconds each
fuzz seconds="60":
    FUZZ_SECONDS={{seconds}} .ci/run fuzz

# Every fault under load, and the table in docs/reliability.md: some 30 minutes
faults:
    .ci/run faults

# Every client in every way: about an hour
clients:
    .ci/run clients_all

# Every serializer with every format and a real schema registry
serializers:
    .ci/run serializers_all

# Kafka's own command-line tools
tools:
    .ci/run tools

# Flink, Connect, MirrorMaker, rsyslog and collectd; tests/engines/README.md says what they need
engines:
    .ci/run engines

# So many million records through kcat, for each codec: every one must be in QuestDB once
kcat-load million="3":
    MILLION={{million}} .ci/run kcat_load

# Licences, bans and sources of the dependencies
deny:
    .ci/run deny

# All that CI runs, as it runs it
ci:
    .ci/run
