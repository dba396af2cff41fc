// What every Node client shares: the arguments, the records and the result. tests/clients/README.md describes them.
'use strict'

const fs = require('node:fs')
const { parseArgs } = require('node:util')

// Clients log to the console's stdout, which is for the result.
console.log = console.info = console.debug = console.error

exports.options = () => {
  const text = { type: 'string' }
  const flag = { type: 'boolean', default: false }
  const { values } = parseArgs({
    options: {
      brokers: text, topic: text, file: text, codec: text, acks: text, idempotence: text, keys: flag, headers: flag,
    },
  })
  for (const name of ['brokers', 'topic', 'file', 'codec', 'acks', 'idempotence']) {
    if (values[name] === undefined) throw new Error(`--${name} is missing`)
  }
  return { ...values, idempotence: values.idempotence === 'true' }
}

// The records as kafkajs calls them: messages of key, value and headers.
exports.records = ({ file, keys, headers }, client) => {
  const each = headers ? { headers: { source: client, trace: '1', empty: '' } } : {}
  const lines = fs.readFileSync(file, 'utf8').split('\n').filter((line) => line !== '')
  return lines.map((line) => {
    if (!keys) return { value: line, ...each }
    const bar = line.indexOf('|')
    if (bar < 0) throw new Error(`a line without a key: ${line}`)
    return { key: line.slice(0, bar), value: line.slice(bar + 1), ...each }
  })
}

// Prints the result; resolves the exit code.
exports.end = ({ client, version, sent, acked, errors }) => {
  process.stdout.write(JSON.stringify({ client, version, sent, acked, errors: errors.slice(0, 10).map(String) }) + '\n')
  process.exitCode = acked === sent && errors.length === 0 ? 0 : 1
}
