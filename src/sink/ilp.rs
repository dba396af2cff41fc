//! Blocks as text of QuestDB's variant of the InfluxDB Line Protocol, straight from the columns.
//!
//! One row is one line: `table,symbol=value field=value,field=value timestamp\n`. Version 1 is all text; version 2
//! adds binary doubles and arrays, and units on timestamps; version 3 adds decimals, which only a table that has a
//! column for them takes, so that what is written for one is understood. A null is a field that is left out. See
//! <https://questdb.com/docs/ingestion/ilp/overview/>; QuestDB's own clients are the oracle of the tests.

use std::io::Write as _;

use arrow_array::{Array, BooleanArray, Float64Array, Int64Array, StringArray};
use arrow_buffer::NullBuffer;

use super::decimal::push_i64;
use crate::rows::{Block, ColumnValues, DoubleArrays, Literal, TimeUnit};

/// Marks a binary double, after the `=` that marks a binary value.
const BINARY_DOUBLE: u8 = 16;
/// Marks a binary array.
const BINARY_ARRAY: u8 = 14;
/// The type of an array's elements: DOUBLE.
const ELEMENT_DOUBLE: u8 = 10;

/// What of the protocol the server understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IlpVersion {
    /// All text.
    V1,
    /// Binary doubles and arrays.
    V2,
}

/// A row that the protocol has no words for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unwritable {
    /// The row within its block.
    pub row: usize,
    /// The column to blame.
    pub column: Option<std::sync::Arc<str>>,
    /// Why.
    pub message: String,
}

/// Appends a block's rows. On an error the body is as it was before.
///
/// # Errors
/// The first row that the protocol has no words for.
pub fn encode(block: &Block, version: IlpVersion, body: &mut Vec<u8>) -> Result<(), Unwritable> {
    let start = body.len();
    encode_rows(block, version, body).inspect_err(|_| body.truncate(start))
}

fn encode_rows(block: &Block, version: IlpVersion, body: &mut Vec<u8>) -> Result<(), Unwritable> {
    let mut table = Vec::new();
    push_escaped(block.table.as_str(), &mut table);
    let symbols: Vec<Symbols<'_>> = block.columns.iter().filter_map(Symbols::new).collect();
    let fields = fields(block, version)?;

    let unit = block.timestamp.unit;
    for (row, &timestamp) in block.timestamp.values.iter().enumerate() {
        body.extend_from_slice(&table);
        let row_start = body.len();
        for symbol in &symbols {
            symbol.push(row, body);
        }
        let mut separator = b' ';
        for field in &fields {
            if field.nulls.is_none_or(|nulls| nulls.is_valid(row)) {
                body.push(separator);
                body.extend_from_slice(&field.key);
                field.values.push(row, body);
                separator = b',';
            }
        }
        if body.len() == row_start {
            let message =
                "every column is null, and QuestDB's line protocol cannot write such a row".to_owned();
            return Err(Unwritable { row, column: None, message });
        }
        body.push(b' ');
        match version {
            IlpVersion::V2 => {
                push_i64(timestamp, body);
                body.extend_from_slice(if unit == TimeUnit::Nanos { b"n\n" } else { b"t\n" });
            }
            // Without a unit, as servers before 8.4 want it, nanoseconds are meant.
            IlpVersion::V1 => {
                let nanos = match unit {
                    TimeUnit::Micros => timestamp.checked_mul(1000),
                    TimeUnit::Nanos => Some(timestamp),
                };
                let nanos = nanos.ok_or_else(|| Unwritable {
                    row,
                    column: Some(block.timestamp.name.clone()),
                    message: "the timestamp is beyond the nanoseconds of line protocol version 1".to_owned(),
                })?;
                push_i64(nanos, body);
                body.push(b'\n');
            }
        }
    }
    Ok(())
}

/// A SYMBOL column, every value escaped once.
struct Symbols<'a> {
    key: Vec<u8>,
    keys: &'a [i32],
    nulls: Option<&'a NullBuffer>,
    values: Vec<u8>,
    /// Value `i` is `values[offsets[i]..offsets[i + 1]]`.
    offsets: Vec<usize>,
}

impl<'a> Symbols<'a> {
    fn new(column: &'a crate::rows::Column) -> Option<Self> {
        let ColumnValues::Symbol(dictionary) = &column.values else { return None };
        let texts = dictionary.values().as_any().downcast_ref::<StringArray>()?;
        let mut values = Vec::with_capacity(texts.value_data().len() + 8);
        let mut offsets = Vec::with_capacity(texts.len() + 1);
        offsets.push(0);
        for text in texts {
            push_escaped(text.unwrap_or_default(), &mut values);
            offsets.push(values.len());
        }
        let mut key = vec![b','];
        push_escaped(&column.name, &mut key);
        key.push(b'=');
        Some(Self {
            key,
            keys: dictionary.keys().values(),
            nulls: dictionary.keys().nulls(),
            values,
            offsets,
        })
    }

    fn push(&self, row: usize, body: &mut Vec<u8>) {
        if self.nulls.is_none_or(|nulls| nulls.is_valid(row)) {
            let index = self.keys[row] as usize;
            body.extend_from_slice(&self.key);
            body.extend_from_slice(&self.values[self.offsets[index]..self.offsets[index + 1]]);
        }
    }
}

/// A column that is not a SYMBOL.
struct Field<'a> {
    /// The escaped name and all that comes before a value.
    key: Vec<u8>,
    nulls: Option<&'a NullBuffer>,
    values: Values<'a>,
}

enum Values<'a> {
    Boolean(&'a BooleanArray),
    Long(&'a [i64]),
    Timestamp(&'a [i64]),
    TimestampNanos(&'a [i64]),
    Date(&'a [i64]),
    DoubleText(&'a [f64]),
    DoubleBinary(&'a [f64]),
    Varchar(&'a StringArray),
    Decimal(&'a StringArray),
    Arrays(&'a DoubleArrays),
}

fn fields(block: &Block, version: IlpVersion) -> Result<Vec<Field<'_>>, Unwritable> {
    let mut fields = Vec::with_capacity(block.columns.len());
    for column in &block.columns {
        let mut key = Vec::with_capacity(column.name.len() + 5);
        push_escaped(&column.name, &mut key);
        key.push(b'=');
        let (nulls, values) = match &column.values {
            ColumnValues::Symbol(_) => continue,
            ColumnValues::Boolean(values) => (values.nulls(), Values::Boolean(values)),
            ColumnValues::Long(values) => (values.nulls(), Values::Long(long(values))),
            ColumnValues::Timestamp(values) => (values.nulls(), Values::Timestamp(long(values))),
            ColumnValues::TimestampNanos(values) => (values.nulls(), Values::TimestampNanos(long(values))),
            ColumnValues::Date(values) => (values.nulls(), Values::Date(long(values))),
            ColumnValues::Literal(Literal::Decimal { .. }, values) => {
                (values.nulls(), Values::Decimal(values))
            }
            ColumnValues::Varchar(values) | ColumnValues::Literal(_, values) => {
                (values.nulls(), Values::Varchar(values))
            }
            ColumnValues::Double(values) => (values.nulls(), double(values, version, &mut key)),
            ColumnValues::DoubleArray(arrays) if version == IlpVersion::V1 => {
                let row = (0..block.rows())
                    .find(|&row| arrays.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)));
                return Err(Unwritable {
                    row: row.unwrap_or(0),
                    column: Some(column.name.clone()),
                    message:
                        "this QuestDB takes no arrays (line protocol version 1): upgrade it to 9.0 or later, \
                              or leave the field out"
                            .to_owned(),
                });
            }
            ColumnValues::DoubleArray(arrays) => {
                key.extend_from_slice(&[b'=', BINARY_ARRAY, ELEMENT_DOUBLE, arrays.dimensions as u8]);
                (arrays.nulls.as_ref(), Values::Arrays(arrays))
            }
        };
        fields.push(Field { key, nulls, values });
    }
    Ok(fields)
}

fn long(values: &Int64Array) -> &[i64] {
    values.values()
}

fn double<'a>(values: &'a Float64Array, version: IlpVersion, key: &mut Vec<u8>) -> Values<'a> {
    match version {
        IlpVersion::V1 => Values::DoubleText(values.values()),
        IlpVersion::V2 => {
            key.extend_from_slice(&[b'=', BINARY_DOUBLE]);
            Values::DoubleBinary(values.values())
        }
    }
}

impl Values<'_> {
    fn push(&self, row: usize, body: &mut Vec<u8>) {
        match self {
            Self::Boolean(values) => body.push(if values.value(row) { b't' } else { b'f' }),
            Self::Long(values) => {
                push_i64(values[row], body);
                body.push(b'i');
            }
            Self::Timestamp(values) => {
                push_i64(values[row], body);
                body.push(b't');
            }
            Self::TimestampNanos(values) => {
                push_i64(values[row], body);
                body.push(b'n');
            }
            // As a timestamp, which means the same whatever the column has become in the meantime. Mapping has seen
            // to it that it is in range.
            Self::Date(values) => {
                push_i64(values[row].saturating_mul(1_000), body);
                body.push(b't');
            }
            Self::DoubleBinary(values) => body.extend_from_slice(&values[row].to_le_bytes()),
            Self::DoubleText(values) => push_double_text(values[row], body),
            Self::Varchar(values) => push_quoted(values.value(row), body),
            // Not as a text: QuestDB 9.3.4 takes none into a column without digits before the point.
            Self::Decimal(values) => {
                body.extend_from_slice(values.value(row).as_bytes());
                body.push(b'd');
            }
            Self::Arrays(arrays) => push_array(arrays, row, body),
        }
    }
}

fn push_double_text(value: f64, body: &mut Vec<u8>) {
    if value.is_finite() {
        // `Debug` is the shortest text that reads back as the same bits, with an exponent where that is shorter.
        let _ = write!(body, "{value:?}");
    } else {
        let text = if value.is_nan() {
            "NaN"
        } else if value > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        };
        body.extend_from_slice(text.as_bytes());
    }
}

fn push_array(arrays: &DoubleArrays, row: usize, body: &mut Vec<u8>) {
    for length in &arrays.shapes[row * arrays.dimensions..(row + 1) * arrays.dimensions] {
        body.extend_from_slice(&length.to_le_bytes());
    }
    let elements = arrays.offsets[row] as usize..arrays.offsets[row + 1] as usize;
    if cfg!(target_endian = "little") {
        let bytes = elements.start * 8..elements.end * 8;
        body.extend_from_slice(&arrays.elements.inner().as_slice()[bytes]);
    } else {
        for element in &arrays.elements[elements] {
            body.extend_from_slice(&element.to_le_bytes());
        }
    }
}

/// A table's or column's name, or a symbol's value.
fn push_escaped(text: &str, out: &mut Vec<u8>) {
    push_with_escapes(text, out, |byte| matches!(byte, b' ' | b',' | b'=' | b'\n' | b'\r' | b'\\'));
}

/// A string, in double quotes.
fn push_quoted(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    push_with_escapes(text, out, |byte| matches!(byte, b'"' | b'\n' | b'\r' | b'\\'));
    out.push(b'"');
}

fn push_with_escapes(text: &str, out: &mut Vec<u8>, must_escape: impl Fn(u8) -> bool) {
    let mut rest = text.as_bytes();
    // Hardly any text needs an escape, so whole runs are copied.
    while let Some(at) = rest.iter().position(|&byte| must_escape(byte)) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(&[b'\\', rest[at]]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
#[path = "ilp_tests.rs"]
mod tests;
