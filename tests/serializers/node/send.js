// Sends the records of a job with @kafkajs/confluent-schema-registry. tests/serializers/README.md describes the arguments.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { parseArgs } = require('node:util')
const { Kafka, Partitioners, logLevel } = require('kafkajs')
const { COMPATIBILITY, SchemaRegistry, SchemaType } = require('@kafkajs/confluent-schema-registry')

// Libraries log to the console's stdout, which is for the result.
console.log = console.info = console.debug = console.error

const TYPES = { avro: SchemaType.AVRO, json: SchemaType.JSON, protobuf: SchemaType.PROTOBUF }

// Its Protobuf knows Google's own messages only as others: by references.
const TIMESTAMP = 'google/protobuf/timestamp.proto'
const TIMESTAMP_PROTO = `syntax = "proto3";
package google.protobuf;
message Timestamp {
  int64 seconds = 1;
  int32 nanos = 2;
}
`
const DAY_MS = 86_400_000

// The fields that a version of the schema has.
const without = (value, version) => {
  const { note, fee, trader, ...rest } = value
  return { ...rest, ...(version < 3 ? { note } : { trader }), ...(version >= 1 ? { fee } : {}) }
}

// avsc, which is behind it, knows no logical types: a time is its number, a decimal the bytes of one.
const ofAvro = (value, version) => {
  const { at_ms: at, day, amount_cents: cents, raw, ...rest } = without(value, version)
  const amount = Buffer.alloc(4)
  amount.writeInt32BE(cents)
  return { ...rest, at, day: Date.parse(day) / DAY_MS, amount, raw: Buffer.from(raw, 'base64') }
}

const ofJson = (value, version) => {
  const { at_ms: at, amount_cents: cents, either, trader, ...rest } = without(value, version)
  return { ...rest, at: new Date(at).toISOString(), amount: cents / 100 }
}

// protobufjs, which is behind it, has a field's name in camel case. What is not there is no member.
const ofProtobuf = (value, version) => {
  const { at_ms: at, day, amount_cents: cents, either, raw, side, venue, ...rest } = without(value, version)
  const fields = {
    ...rest,
    at: { seconds: Math.floor(at / 1000), nanos: at % 1000 * 1_000_000 },
    side: { BUY: 1, SELL: 2 }[side],
    venue: present(venue),
    raw: Buffer.from(raw, 'base64'),
    [typeof either === 'number' ? 'eitherLong' : 'eitherString']: either
  }
  return present(fields)
}

const present = (fields) => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null))

const CONVERT = { avro: ofAvro, json: ofJson, protobuf: ofProtobuf }

async function main () {
  const names = ['brokers', 'registry', 'apicurio', 'topic', 'format', 'job']
  const { values: options } = parseArgs({ options: Object.fromEntries(names.map((name) => [name, { type: 'string' }])) })
  const job = JSON.parse(fs.readFileSync(options.job, 'utf8'))
  const home = path.dirname(require.resolve('@kafkajs/confluent-schema-registry/package.json'))
  const { version } = JSON.parse(fs.readFileSync(path.join(home, 'package.json'), 'utf8'))
  const result = { client: 'kafkajs', version, sent: 0, acked: 0, errors: [] }

  const registry = new SchemaRegistry({ host: options.registry }, { [SchemaType.JSON]: { strict: false, validateFormats: false } })
  const type = TYPES[options.format]
  const references = []
  if (type === SchemaType.PROTOBUF) {
    await registry.register({ type, schema: TIMESTAMP_PROTO }, { subject: TIMESTAMP, compatibility: COMPATIBILITY.NONE })
    references.push({ name: TIMESTAMP, subject: TIMESTAMP, version: 1 })
  }
  const ids = []
  for (const schema of job.schemas) {
    const confluent = references.length > 0 ? { type, schema, references } : { type, schema }
    ids.push((await registry.register(confluent, { subject: `${options.topic}-value`, compatibility: COMPATIBILITY.NONE })).id)
  }
  const messages = []
  for (const { schema, value } of job.records) {
    messages.push({ value: await registry.encode(ids[schema], CONVERT[options.format](value, schema)), partition: 0 })
  }
  const kafka = new Kafka({ brokers: [options.brokers], logLevel: logLevel.ERROR })
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  result.sent = messages.length
  try {
    await producer.send({ topic: options.topic, messages })
    result.acked = messages.length
  } catch (error) {
    result.errors.push(String(error))
  }
  await producer.disconnect()
  process.stdout.write(JSON.stringify(result) + '\n')
  process.exitCode = result.errors.length === 0 ? 0 : 1
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
