// kafkajs, with the codecs that it does not bring along.
'use strict'

const { CompressionCodecs, CompressionTypes, Kafka } = require('kafkajs')
const SnappyCodec = require('kafkajs-snappy')
const lz4 = require('lz4-napi')
const zstd = require('@mongodb-js/zstd')
const common = require('./common')

const NAME = 'kafkajs'
// kafkajs makes one request a broker of what one send() is given; it gathers nothing by itself.
const RECORDS_A_SEND = 1000

CompressionCodecs[CompressionTypes.Snappy] = SnappyCodec
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: (encoder) => lz4.compressFrame(encoder.buffer),
  decompress: (buffer) => lz4.decompressFrame(buffer),
})
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: (encoder) => zstd.compress(encoder.buffer),
  decompress: (buffer) => zstd.decompress(buffer),
})
const CODECS = { none: 'None', gzip: 'GZIP', snappy: 'Snappy', lz4: 'LZ4', zstd: 'ZSTD' }

async function main() {
  const options = common.options()
  const acks = options.acks === 'all' ? -1 : Number(options.acks)
  const compression = CompressionTypes[CODECS[options.codec]]
  const records = common.records(options, NAME)
  const chunks = []
  for (let at = 0; at < records.length; at += RECORDS_A_SEND) chunks.push(records.slice(at, at + RECORDS_A_SEND))
  const result = { client: NAME, version: require('kafkajs/package.json').version, sent: 0, acked: 0, errors: [] }

  // docs:begin
  const kafka = new Kafka({ brokers: [options.brokers] })
  const producer = kafka.producer({
    idempotent: options.idempotence,
    maxInFlightRequests: options.idempotence ? 1 : undefined, // as kafkajs asks for
  })
  await producer.connect()
  const send = (messages) => producer.send({ topic: options.topic, messages, acks, compression })
  const outcomes = await Promise.allSettled(chunks.map(send))
  await producer.disconnect()
  // docs:end

  outcomes.forEach(({ status, reason }, index) => {
    result.sent += chunks[index].length
    if (status === 'fulfilled') result.acked += chunks[index].length
    else result.errors.push(reason)
  })

  common.end(result)
}

main().catch((error) => {
  console.error(error)
  common.end({ client: NAME, version: '', sent: 0, acked: 0, errors: [error] })
  process.exit(1)
})
