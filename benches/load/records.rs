//! The records that are sent, as JSON for the gateway and as QuestDB's line protocol for the direct client: the same
//! values in the same order.

use std::fmt::Write;

use bytes::Bytes;
use quafka::demo::trades::Trades;
use quafka::producer::encode_batch;
use questdb::ingress::{Buffer, ProtocolVersion, TimestampMicros};
use serde_json::Value;

use crate::Outcome;

/// Microseconds at 2026-01-01. Rows follow one another by a microsecond, so a table fills one partition in order.
pub const FIRST_TS_MICROS: i64 = 1_767_225_600_000_000;

/// The fields that become SYMBOL columns, where a record has them.
const SYMBOLS: [&str; 2] = ["symbol", "side"];

/// What the records look like.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// 6 fields, about 100 bytes: two symbols, two doubles, a long and the time.
    Trades,
    /// So many fields, of all kinds.
    Wide(usize),
}

/// Records one after the other.
pub struct Source {
    kind: Kind,
    trades: Trades,
    row: usize,
    /// Of all records so far, as JSON.
    pub json_bytes: usize,
}

impl Source {
    pub fn new(kind: Kind) -> Self {
        Self { kind, trades: Trades::new(7), row: 0, json_bytes: 0 }
    }

    pub fn next(&mut self) -> Bytes {
        let row = self.row;
        self.row += 1;
        let ts = FIRST_TS_MICROS + row as i64;
        let record = match self.kind {
            Kind::Trades => self.trades.next(ts),
            Kind::Wide(fields) => wide(row, fields, ts),
        };
        self.json_bytes += record.len();
        record
    }

    /// The next rows as one batch for Kafka.
    pub fn batch(&mut self, rows: usize) -> Outcome<Bytes> {
        let values: Vec<Bytes> = (0..rows).map(|_| self.next()).collect();
        Ok(encode_batch(values, FIRST_TS_MICROS / 1_000)?)
    }

    /// The next rows as the body of one request to QuestDB.
    pub fn lines(&mut self, table: &str, rows: usize) -> Outcome<Bytes> {
        let mut buffer = Buffer::new(ProtocolVersion::V2);
        for _ in 0..rows {
            write_line(table, &self.next(), &mut buffer)?;
        }
        Ok(Bytes::copy_from_slice(buffer.as_bytes()))
    }
}

/// An object with an id, a time, and fields of four kinds in turn.
fn wide(row: usize, fields: usize, ts: i64) -> Bytes {
    let mut record = format!("{{\"id\":{row},\"ts\":{ts}");
    for field in 2..fields {
        // Writing to a String cannot fail.
        let _ = match field % 4 {
            0 => write!(record, ",\"text_{field}\":\"value {}\"", (row * field) % 1_000),
            1 => write!(record, ",\"integer_{field}\":{}", row * field),
            2 => write!(record, ",\"double_{field}\":{}.25", row + field),
            _ => write!(record, ",\"flag_{field}\":{}", (row + field).is_multiple_of(2)),
        };
    }
    record.push('}');
    record.into()
}

/// What the gateway makes of a record, by QuestDB's own client.
fn write_line(table: &str, json: &[u8], buffer: &mut Buffer) -> Outcome<()> {
    let record: serde_json::Map<String, Value> = serde_json::from_slice(json)?;
    buffer.table(table)?;
    for name in SYMBOLS {
        if let Some(Value::String(text)) = record.get(name) {
            buffer.symbol(name, text)?;
        }
    }
    for (name, value) in &record {
        let name = name.as_str();
        match value {
            _ if name == "ts" || SYMBOLS.contains(&name) => {}
            Value::String(text) => drop(buffer.column_str(name, text)?),
            Value::Bool(flag) => drop(buffer.column_bool(name, *flag)?),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(integer), _) => drop(buffer.column_i64(name, integer)?),
                (None, Some(double)) => drop(buffer.column_f64(name, double)?),
                (None, None) => return Err(format!("{name}: {number} is no number of QuestDB's").into()),
            },
            other => return Err(format!("{name}: {other} is not among what is measured").into()),
        }
    }
    let ts = record.get("ts").and_then(Value::as_i64).ok_or("a record without a time")?;
    buffer.at(TimestampMicros::new(ts))?;
    Ok(())
}
