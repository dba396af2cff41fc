use std::sync::Arc;

use arrow_array::builder::StringDictionaryBuilder;
use arrow_array::types::Int32Type;
use arrow_array::{Int64Array, StringArray};
use serde_json::json;

use super::DeadLetter;
use crate::decode::base64;
use crate::rows::{Block, Column, ColumnValues, RecordIndex, TableName, TimeUnit, Timestamps};

/// Letters as rows. QuestDB makes the table from the first of them:
///
/// | column | type | |
/// |---|---|---|
/// | `timestamp` | TIMESTAMP, designated | when the record arrived |
/// | `kafka_topic`, `kafka_partition`, `kafka_offset` | SYMBOL, LONG, LONG | where it was sent to |
/// | `kafka_timestamp` | TIMESTAMP | its own timestamp |
/// | `key`, `value` | VARCHAR | as they are, where they are UTF-8 without NUL |
/// | `key_base64`, `value_base64` | VARCHAR | as Base64, where they are not |
/// | `headers` | VARCHAR | a JSON array of `{"key", "value"}`, or `"base64"` in place of `"value"` |
/// | `error`, `error_column` | VARCHAR, SYMBOL | why, and because of which column |
///
/// None where there are no letters.
pub fn block(table: TableName, letters: &[DeadLetter]) -> Option<Block> {
    let texts = |text: fn(&DeadLetter) -> Option<String>| {
        let values: StringArray = letters.iter().map(text).collect();
        ColumnValues::Varchar(values)
    };
    let symbols = |symbol: fn(&DeadLetter) -> Option<String>| {
        let mut values = StringDictionaryBuilder::<Int32Type>::new();
        letters.iter().for_each(|letter| values.append_option(symbol(letter)));
        ColumnValues::Symbol(values.finish())
    };
    let longs = |long: fn(&DeadLetter) -> i64| letters.iter().map(long).collect::<Vec<i64>>();
    let columns = [
        ("kafka_topic", symbols(|letter| Some(letter.topic.to_string()))),
        ("kafka_partition", ColumnValues::Long(longs(|letter| letter.partition.into()).into())),
        ("kafka_offset", ColumnValues::Long(longs(|letter| letter.offset).into())),
        (
            "kafka_timestamp",
            ColumnValues::Timestamp(Int64Array::from(longs(|letter| {
                letter.timestamp_ms.saturating_mul(1_000)
            }))),
        ),
        ("key", texts(|letter| letter.key.as_deref().and_then(text))),
        ("key_base64", texts(|letter| letter.key.as_deref().and_then(no_text))),
        ("value", texts(|letter| letter.value.as_deref().and_then(text))),
        ("value_base64", texts(|letter| letter.value.as_deref().and_then(no_text))),
        ("headers", texts(headers)),
        ("error", texts(|letter| Some(printable(&letter.error)))),
        ("error_column", symbols(|letter| letter.column.as_deref().map(printable))),
    ];
    let columns = columns.into_iter().filter(|(_, values)| values.has_values());
    let block = Block {
        table,
        timestamp: Timestamps {
            name: Arc::from("timestamp"),
            unit: TimeUnit::Micros,
            values: longs(|letter| letter.arrival_ms.saturating_mul(1_000)).into(),
        },
        columns: columns.map(|(name, values)| Column { name: name.into(), values }).collect(),
        origin: (0..letters.len() as RecordIndex).collect(),
    };
    (!letters.is_empty()).then_some(block)
}

fn text(bytes: &[u8]) -> Option<String> {
    as_text(bytes).map(str::to_owned)
}

fn no_text(bytes: &[u8]) -> Option<String> {
    as_text(bytes).is_none().then(|| base64(bytes))
}

/// The bytes as a text that QuestDB takes, which has no NUL.
fn as_text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

/// A letter's own words and names, without what QuestDB does not take in them.
fn printable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn headers(letter: &DeadLetter) -> Option<String> {
    let header = |(key, value): &(String, Option<Vec<u8>>)| match value.as_deref() {
        None => json!({ "key": key, "value": null }),
        Some(bytes) => match as_text(bytes) {
            Some(text) => json!({ "key": key, "value": text }),
            None => json!({ "key": key, "base64": base64(bytes) }),
        },
    };
    let headers: Vec<_> = letter.headers.iter().map(header).collect();
    (!headers.is_empty()).then(|| serde_json::Value::from(headers).to_string())
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;

    use super::*;

    #[test]
    fn a_record_is_kept_whole() {
        let letter = DeadLetter {
            topic: "t".into(),
            partition: 3,
            offset: 42,
            timestamp_ms: 1_000,
            arrival_ms: 2_000,
            key: Some(b"\xff\x00".to_vec()),
            value: Some("{\"ü\":".into()),
            headers: vec![
                ("a".to_owned(), Some(b"1".to_vec())),
                ("a".to_owned(), None),
                ("b".to_owned(), Some(vec![0xff])),
            ],
            column: None,
            error: "no JSON".to_owned(),
        };
        let block = block(TableName::new("dead"), &[letter]).unwrap();
        let text = |name: &str| {
            let column = block.columns.iter().find(|column| &*column.name == name).unwrap();
            let ColumnValues::Varchar(values) = &column.values else { panic!("{name}") };
            values.value(0).to_owned()
        };
        let names: Vec<_> = block.columns.iter().map(|column| &*column.name).collect();
        assert_eq!(
            names,
            [
                "kafka_topic",
                "kafka_partition",
                "kafka_offset",
                "kafka_timestamp",
                "key_base64",
                "value",
                "headers",
                "error"
            ]
        );
        assert_eq!((text("key_base64"), text("value")), ("/wA=".to_owned(), "{\"ü\":".to_owned()));
        let headers = r#"[{"key":"a","value":"1"},{"key":"a","value":null},{"base64":"/w==","key":"b"}]"#;
        assert_eq!(text("headers"), headers);
        let ColumnValues::Symbol(topic) = &block.columns[0].values else { panic!() };
        assert_eq!(topic.values().as_string::<i32>().value(topic.keys().value(0) as usize), "t");
        assert_eq!((topic.len(), &*block.timestamp.values), (1, &[2_000_000][..]));
    }
}
