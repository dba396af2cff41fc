"""aiokafka: asyncio, without a C library for the protocol."""

import asyncio

import aiokafka
from aiokafka import AIOKafkaProducer
from common import PATIENCE_S, Result, arguments, headers, records


async def produce(options, result):
    each_headers = headers(options, "aiokafka")
    acks = options.acks if options.acks == "all" else int(options.acks)
    codec = None if options.codec == "none" else options.codec
    # docs:begin
    producer = AIOKafkaProducer(
        bootstrap_servers=options.brokers,
        compression_type=codec,
        acks=acks,
        enable_idempotence=options.idempotence,
    )
    await producer.start()
    try:
        sent = []
        for key, value in records(options):
            sent.append(await producer.send(options.topic, value, key=key, headers=each_headers))
        outcomes = await asyncio.wait_for(asyncio.gather(*sent, return_exceptions=True), PATIENCE_S)
    finally:
        await producer.stop()
    # docs:end
    result.sent = len(sent)
    for outcome in outcomes:
        result.delivered(outcome if isinstance(outcome, BaseException) else None)


if __name__ == "__main__":
    result = Result("aiokafka", aiokafka.__version__)
    asyncio.run(produce(arguments(), result))
    result.end()
