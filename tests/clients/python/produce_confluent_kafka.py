"""confluent-kafka: librdkafka's binding for Python."""

import confluent_kafka
from common import PATIENCE_S, Result, arguments, headers, records
from confluent_kafka import Producer


def produce(options, result):
    each_headers = headers(options, "confluent-kafka")

    def delivered(error, _message):
        result.delivered(error)

    # docs:begin
    producer = Producer({
        "bootstrap.servers": options.brokers,
        "compression.type": options.codec,
        "acks": options.acks,
        "enable.idempotence": options.idempotence,
    })
    for key, value in records(options):
        while True:
            try:
                producer.produce(options.topic, value, key, headers=each_headers, on_delivery=delivered)
                break
            except BufferError:  # 100,000 records are waiting to be sent
                producer.poll(0.1)
        producer.poll(0)
        result.sent += 1
    unsent = producer.flush(PATIENCE_S)
    # docs:end
    if unsent:
        result.errors.append(f"{unsent} records are not acknowledged after {PATIENCE_S} s")


if __name__ == "__main__":
    result = Result("confluent-kafka", f"{confluent_kafka.__version__}, librdkafka {confluent_kafka.libversion()[0]}")
    produce(arguments(), result)
    result.end()
