//! From a request's body to records.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::partitioner;
use super::reply::Fault;

/// In one request; also what keeps `{},{},{}` from becoming much more than it is.
const MAX_RECORDS: usize = 100_000;

const RECORD_OVERHEAD_BYTES: usize = size_of::<Record>() + size_of::<kafka_protocol::records::Record>();

/// How keys and values stand in the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// As any JSON, which goes on as it is written.
    Json,
    /// As base64.
    Binary,
}

impl Format {
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Fault> {
        let said = headers.get(header::CONTENT_TYPE).map_or("", |value| value.to_str().unwrap_or("?"));
        let kind = said.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match kind.as_str() {
            "application/vnd.kafka.json.v2+json" => Ok(Self::Json),
            "application/vnd.kafka.binary.v2+json" => Ok(Self::Binary),
            _ => {
                let message = format!(
                    "content type {said:?}: it must be application/vnd.kafka.json.v2+json or \
                     application/vnd.kafka.binary.v2+json"
                );
                Err(Fault { code: 415, message })
            }
        }
    }
}

/// A record that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
    pub partition: Option<i32>,
}

/// The records of a request, in its order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Records(Vec<Record>);

/// The records of a partition, and each one's place in the request.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub partition: i32,
    pub places: Vec<usize>,
    pub records: Vec<Record>,
}

pub(super) fn parse(body: &Bytes, format: Format) -> Result<Records, Fault> {
    let unprocessable = |message: String| Fault { code: 422, message };
    let parsed: Body<'_> =
        serde_json::from_slice(body).map_err(|error| unprocessable(format!("the body is wrong: {error}")))?;
    if parsed.records.0.is_empty() {
        return Err(unprocessable("the body has no records".to_owned()));
    }
    let mut records = Vec::with_capacity(parsed.records.0.len());
    for (index, record) in parsed.records.0.into_iter().enumerate() {
        let field = |name: &str, raw: Option<&RawValue>| {
            bytes_of(body, raw, format)
                .map_err(|reason| unprocessable(format!("record {index}: {name} {reason}")))
        };
        if let Some(partition) = record.partition.filter(|partition| *partition < 0) {
            return Err(unprocessable(format!("record {index}: partition {partition} is negative")));
        }
        let (key, value) = (field("key", record.key)?, field("value", record.value)?);
        records.push(Record { key, value, partition: record.partition });
    }
    Ok(Records(records))
}

impl Records {
    /// About what they take besides their keys and values, now and as Kafka's records, in bytes.
    pub(super) fn overhead_bytes(&self) -> usize {
        self.0.len().saturating_mul(RECORD_OVERHEAD_BYTES)
    }

    /// By partition, in the order in which the partitions are first named.
    pub(super) fn into_batches(self, partitions: i32) -> Result<Vec<Batch>, Fault> {
        let mut batches: Vec<Batch> = Vec::new();
        let mut by_partition: HashMap<i32, usize> = HashMap::new();
        let mut without_key = None;
        for (place, record) in self.0.into_iter().enumerate() {
            let partition = match (record.partition, &record.key) {
                (Some(partition), _) => partition,
                (None, Some(key)) => partitioner::of_key(key, partitions),
                (None, None) => *without_key.get_or_insert_with(|| partitioner::of_request(partitions)),
            };
            if partition >= partitions {
                let message =
                    format!("record {place}: no partition {partition}, only 0 to {}", partitions - 1);
                return Err(Fault { code: 40402, message });
            }
            let index = *by_partition.entry(partition).or_insert(batches.len());
            if index == batches.len() {
                batches.push(Batch { partition, ..Batch::default() });
            }
            if let Some(batch) = batches.get_mut(index) {
                batch.places.push(place);
                batch.records.push(record);
            }
        }
        Ok(batches)
    }
}

/// JSON's `null` is Kafka's.
fn bytes_of(body: &Bytes, raw: Option<&RawValue>, format: Format) -> Result<Option<Bytes>, String> {
    let Some(text) = raw.map(RawValue::get).filter(|text| *text != "null") else { return Ok(None) };
    match format {
        Format::Json => Ok(Some(body.slice_ref(text.as_bytes()))),
        Format::Binary => {
            let text: Cow<'_, str> =
                serde_json::from_str(text).map_err(|_| "is not base64 in quotes".to_owned())?;
            let bytes =
                STANDARD.decode(text.as_bytes()).map_err(|error| format!("is not base64: {error}"))?;
            Ok(Some(bytes.into()))
        }
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Body<'a> {
    #[serde(borrow)]
    records: BodyRecords<'a>,
    // What schema-aware clients send along; there are no schemas in these formats.
    #[serde(default, rename = "key_schema")]
    _key_schema: serde::de::IgnoredAny,
    #[serde(default, rename = "value_schema")]
    _value_schema: serde::de::IgnoredAny,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct BodyRecord<'a> {
    #[serde(borrow, default)]
    key: Option<&'a RawValue>,
    #[serde(borrow, default)]
    value: Option<&'a RawValue>,
    #[serde(default)]
    partition: Option<i32>,
}

struct BodyRecords<'a>(Vec<BodyRecord<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for BodyRecords<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bounded<'a>(PhantomData<&'a ()>);

        impl<'de: 'a, 'a> Visitor<'de> for Bounded<'a> {
            type Value = BodyRecords<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of records")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut records = Vec::new();
                while let Some(record) = list.next_element()? {
                    if records.len() == MAX_RECORDS {
                        return Err(A::Error::custom(format!("more than {MAX_RECORDS} records")));
                    }
                    records.push(record);
                }
                Ok(BodyRecords(records))
            }
        }

        deserializer.deserialize_seq(Bounded(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(body: &str, format: Format) -> Result<Vec<Record>, String> {
        let records = parse(&Bytes::copy_from_slice(body.as_bytes()), format);
        records.map(|records| records.0).map_err(|fault| format!("{} {}", fault.code, fault.message))
    }

    fn record(key: Option<&str>, value: Option<&str>, partition: Option<i32>) -> Record {
        let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        Record { key: key.map(bytes), value: value.map(bytes), partition }
    }

    #[test]
    fn json_goes_on_as_it_is_written() {
        let body = r#"{"records":[{"key":"k","value":{"a": 1.0,"b":12345678901234567890}},{"value":"text","partition":3},{"value":null},{"key":7}]}"#;
        let expected = [
            record(Some("\"k\""), Some(r#"{"a": 1.0,"b":12345678901234567890}"#), None),
            record(None, Some("\"text\""), Some(3)),
            record(None, None, None),
            record(Some("7"), None, None),
        ];
        assert_eq!(parsed(body, Format::Json).unwrap(), expected);
    }

    #[test]
    fn binary_is_base64() {
        let body =
            r#"{"records":[{"key":"aw==","value":"eyJhIjoxfQ=="},{"value":"\u0061w=="},{"value":""}]}"#;
        let expected = [
            record(Some("k"), Some("{\"a\":1}"), None),
            record(None, Some("k"), None),
            record(None, Some(""), None),
        ];
        assert_eq!(parsed(body, Format::Binary).unwrap(), expected);
    }

    #[test]
    fn what_is_wrong_is_told_with_the_records_index() {
        let many = format!("{{\"records\":[{}{{}}]}}", "{},".repeat(MAX_RECORDS));
        for (body, format, start, part) in [
            ("", Format::Json, "422 the body is wrong", "EOF"),
            ("[]", Format::Json, "422 the body is wrong", "struct Body"),
            ("{}", Format::Json, "422 the body is wrong", "missing field `records`"),
            (r#"{"records":[]}"#, Format::Json, "422 the body has no records", ""),
            (r#"{"records":[{"valu":1}]}"#, Format::Json, "422 the body is wrong", "unknown field `valu`"),
            (r#"{"records":[{"value":1,"partition":"0"}]}"#, Format::Json, "422 the body is wrong", "i32"),
            (
                r#"{"records":[{"value":1},{"partition":-1}]}"#,
                Format::Json,
                "422 record 1: partition -1",
                "negative",
            ),
            (r#"{"records":[{"value":"?"}]}"#, Format::Binary, "422 record 0: value is not base64", ""),
            (
                r#"{"records":[{"value":{}}]}"#,
                Format::Binary,
                "422 record 0: value is not base64 in quotes",
                "",
            ),
            (r#"{"records":[{"value":1}"#, Format::Json, "422 the body is wrong", ""),
            (&many, Format::Json, "422 the body is wrong", "more than 100000 records"),
        ] {
            let told = parsed(body, format).unwrap_err();
            assert!(told.starts_with(start) && told.contains(part), "{told}");
        }
        // Nesting costs no stack.
        let deep = format!("{{\"records\":[{{\"value\":{}", "[".repeat(1_000_000));
        assert!(parsed(&deep, Format::Json).unwrap_err().contains("EOF"));
    }

    #[test]
    fn records_are_gathered_by_partition_and_keep_their_order() {
        let records = Records(vec![
            record(Some("a"), Some("0"), None),
            record(None, Some("1"), Some(2)),
            record(None, Some("2"), None),
            record(Some("a"), Some("3"), None),
            record(None, Some("4"), None),
        ]);
        let batches = records.into_batches(8).unwrap();
        let of = |place| batches.iter().find(|batch| batch.places.contains(&place)).unwrap();
        assert_eq!(of(0).partition, partitioner::of_key(b"a", 8));
        assert!(of(0).places.contains(&3) && of(2).places.contains(&4));
        assert_eq!(of(1).partition, 2);
        assert_eq!(batches.iter().map(|batch| batch.records.len()).sum::<usize>(), 5);
        assert!(batches.iter().all(|batch| batch.places.is_sorted()));
        let fault = Records(vec![record(None, None, Some(8))]).into_batches(8).unwrap_err();
        assert_eq!((fault.code, fault.message.as_str()), (40402, "record 0: no partition 8, only 0 to 7"));
    }
}
