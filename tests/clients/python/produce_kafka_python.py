"""kafka-python, the newest and 2.0.2."""

import kafka
from common import PATIENCE_S, Result, arguments, headers, records
from kafka import KafkaProducer


def produce(options, result):
    each_headers = headers(options, result.client)
    acks = options.acks if options.acks == "all" else int(options.acks)
    codec = None if options.codec == "none" else options.codec
    # 2.0.2 does not know the setting.
    known = "enable_idempotence" in KafkaProducer.DEFAULT_CONFIG
    idempotence = {"enable_idempotence": options.idempotence} if known else {}
    # docs:begin
    producer = KafkaProducer(
        bootstrap_servers=options.brokers,
        compression_type=codec,
        acks=acks,
        **idempotence,
    )
    sent = [
        producer.send(options.topic, value, key, each_headers)
        for key, value in records(options)
    ]
    producer.flush(PATIENCE_S)
    # docs:end
    producer.close(PATIENCE_S)
    result.sent = len(sent)
    for future in sent:
        result.delivered(future.exception if future.is_done else "it is neither acknowledged nor refused")


if __name__ == "__main__":
    name = "kafka-python-old" if kafka.__version__ == "2.0.2" else "kafka-python"
    result = Result(name, kafka.__version__)
    produce(arguments(), result)
    result.end()
