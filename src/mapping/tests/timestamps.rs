//! The designated timestamp, and columns of times.

use super::*;
use crate::config::MissingTimestamp;

fn config(edit: impl FnOnce(&mut TopicConfig, &mut TimestampConfig)) -> TopicConfig {
    let mut config = TopicConfig::default();
    let mut timestamp = TimestampConfig::of_number("ts", TimestampUnit::Auto);
    edit(&mut config, &mut timestamp);
    TopicConfig { timestamp: Some(timestamp), ..config }
}

fn composed(fields: &[&str], format: &str) -> TopicConfig {
    config(|_, timestamp| {
        timestamp.fields = fields.iter().map(ToString::to_string).collect();
        timestamp.format = (!format.is_empty()).then(|| format.parse().unwrap());
    })
}

fn without(missing: MissingTimestamp) -> TopicConfig {
    config(|_, timestamp| timestamp.missing = missing)
}

fn timestamps(topic: &mut Topic) -> Vec<i64> {
    topic.block().timestamp.values.to_vec()
}

#[test]
fn a_field_becomes_the_designated_timestamp() {
    let mut topic = Topic::with(timestamp("meta_ts", TimestampUnit::Auto), &[]);
    topic.row(r#"{"id":1,"meta":{"ts":1600000000123}}"#).row(r#"{"meta_ts":1600000000.5,"id":2}"#);
    topic.row(r#"{"id":3,"meta_ts":1,"meta":{"ts":1600000000}}"#);
    let block = topic.block();
    let expected = [1_600_000_000_123_000, 1_600_000_000_500_000, 1_600_000_000_000_000];
    assert_eq!(block.timestamp.values.as_ref(), expected);
    assert_eq!(block.columns.len(), 1);
}

#[test]
fn a_dot_in_the_field_s_name_is_a_dot_in_the_record() {
    let mut topic = Topic::with(timestamp("a.ts", TimestampUnit::Auto), &[]);
    topic.row(r#"{"id":1,"a.ts":1600000000}"#);
    assert!(topic.refused(r#"{"id":2,"a":{"ts":1600000000}}"#).contains("no time in field a.ts"));
    assert_eq!(timestamps(&mut topic), [1_600_000_000_000_000]);
}

#[test]
fn a_bad_timestamp_is_refused() {
    let mut topic = Topic::with(timestamp("ts", TimestampUnit::Seconds), &[]);
    for (value, words) in [
        (r#"{"id":1}"#, "no time in field ts"),
        (r#"{"id":1,"ts":null}"#, "no time in field ts"),
        (r#"{"id":1,"TS":1}"#, "no time in field ts"),
        (r#"{"id":1,"ts":{"a":1}}"#, "has an object: `{\"a\":1}`"),
        (r#"{"id":1,"ts":{}}"#, "has an object"),
        (
            r#"{"id":1,"ts":"2020-01-02"}"#,
            "`2020-01-02` in field ts, which the designated timestamp comes from, is no",
        ),
        (r#"{"id":1,"ts":"1600000000"}"#, "say with `timestamp.format`"),
        (r#"{"id":1,"ts":""}"#, "is no time in ISO 8601"),
        (r#"{"id":1,"ts":"1969-12-31T23:59:59.999999Z"}"#, "from 1970 to 9999"),
        (r#"{"id":1,"ts":true}"#, "has a boolean"),
        (r#"{"id":1,"ts":[1.5]}"#, "has an array"),
        (r#"{"id":1,"ts":-1}"#, "-1 (in seconds) is no time"),
        (r#"{"id":1,"ts":9223372036854775807}"#, "no time"),
        (r#"{"id":1,"ts":253402300800}"#, "no time"),
        (r#"{"ts":1}"#, "no value for any column"),
    ] {
        let message = topic.refused(value);
        assert!(message.contains(words), "{message}");
    }
    // The next record does not inherit a timestamp.
    topic.refused(r#"{"ts":1,"a*b":1}"#);
    topic.refused(r#"{"id":1}"#);
    topic.row(r#"{"id":1,"ts":1}"#);
    assert_eq!(timestamps(&mut topic), [1_000_000]);
}

#[test]
fn an_object_is_no_part_of_a_timestamp_either() {
    let mut topic = Topic::with(
        config(|_, timestamp| timestamp.fields = vec!["date".to_owned(), "at_time".to_owned()]),
        &[],
    );
    let message = topic.refused(r#"{"id":1,"date":"2020-01-02","at":{"time":{"hour":3}}}"#);
    assert!(message.contains("field at_time is one of the texts"), "{message}");
    topic.row(r#"{"id":1,"date":"2020-01-02","at":{"time":"T03:04:05Z"}}"#);
    assert_eq!(timestamps(&mut topic), [1_577_934_245_000_000]);
}

#[test]
fn the_time_of_arrival() {
    let config = TopicConfig { timestamp: Some(TimestampConfig::of_arrival()), ..TopicConfig::default() };
    let mut topic = Topic::with(config, &[]);
    let record = SourceRecord {
        timestamp_ms: -1,
        arrival_ms: 1_600_000_000_123,
        value: Some(br#"{"a":1,"b":null}"#),
        ..SourceRecord::default()
    };
    topic.plan.append(&record, &mut topic.block).unwrap();
    assert_eq!(topic.block.substitutes(), 0, "it is what was asked for");
    assert_eq!(timestamps(&mut topic), [1_600_000_000_123_000]);
}

#[test]
fn texts_in_iso_8601_beside_numbers() {
    let mut topic = Topic::with(timestamp("ts", TimestampUnit::Auto), &[]);
    topic.row(r#"{"id":1,"ts":"2020-01-02T03:04:05.123456789Z"}"#);
    topic.row(r#"{"id":2,"ts":"2020-01-02T03:04:05+02:00"}"#).row(r#"{"id":3,"ts":1600000000000}"#);
    let expected = [1_577_934_245_123_456, 1_577_927_045_000_000, 1_600_000_000_000_000];
    assert_eq!(timestamps(&mut topic), expected);
}

#[test]
fn texts_by_a_format_of_one_s_own() {
    let mut topic = Topic::with(
        config(|config, timestamp| {
            config.timestamp_format = Some("yyyy-MM-dd".parse().unwrap());
            timestamp.format = Some("dd.MM.yyyy HH:mm".parse().unwrap());
            config.timestamp_fields = vec!["born".to_owned()];
        }),
        &[],
    );
    topic.row(r#"{"id":1,"ts":"02.01.2020 03:04","born":"1985-01-02"}"#);
    let message = topic.refused(r#"{"id":1,"ts":"2020-01-02T03:04:05Z"}"#);
    assert!(
        message.contains("in the format dd.MM.yyyy HH:mm") && message.contains("`timestamp.format`"),
        "{message}"
    );
    let message = topic.refused(r#"{"id":1,"ts":"02.01.2020 03:04","born":"x"}"#);
    assert!(message.contains("`x` is no time in the format yyyy-MM-dd"), "{message}");
    let block = topic.block();
    assert_eq!(block.timestamp.values.as_ref(), [1_577_934_240_000_000]);
    assert_eq!(show(&block.columns[1].values), "TIMESTAMP 473472000000000");
}

#[test]
fn the_unit_is_the_table_s() {
    let columns = [("t", "TIMESTAMP_NS"), ("id", "LONG")];
    let mut topic = Topic::with(timestamp("ts", TimestampUnit::Auto), &columns);
    topic
        .row(r#"{"id":1,"ts":"2020-01-02T03:04:05.123456789Z"}"#)
        .row(r#"{"id":2,"ts":1600000000123456789}"#);
    topic.row(r#"{"id":3,"ts":1600000000.123456789}"#);
    assert!(topic.refused(r#"{"id":3,"ts":9214646400}"#).contains("from 1970 to 2261"));
    assert!(topic.refused(r#"{"id":3,"ts":"3000-01-01T00:00:00Z"}"#).contains("from 1970 to 2261"));
    let block = topic.block();
    assert_eq!(block.timestamp.unit, crate::rows::TimeUnit::Nanos);
    let expected = [1_577_934_245_123_456_789, 1_600_000_000_123_456_789, 1_600_000_000_123_456_789];
    assert_eq!(block.timestamp.values.as_ref(), expected);
    // The Kafka record's own.
    let mut topic = Topic::table(&columns);
    topic.row(r#"{"id":1}"#);
    assert_eq!(timestamps(&mut topic), [1_000_000_000]);
}

#[test]
fn texts_of_several_fields_make_one() {
    let mut topic = Topic::with(composed(&["date", "time"], "yyyyMMddHHmmssSSS"), &[]);
    topic.row(r#"{"id":1,"date":"20260202","time":"135010207"}"#);
    topic.row(r#"{"time":"135010208","id":2,"date":"20260202"}"#);
    for (value, words) in [
        (r#"{"id":3,"date":"20260202"}"#, "no text in field time, but in others of date, time"),
        (r#"{"id":3,"date":"20260202","time":null}"#, "no text in field time"),
        (r#"{"id":3}"#, "no time in field date, time"),
        (r#"{"id":3,"date":20260202,"time":"135010208"}"#, "field date is one of the texts"),
        (r#"{"id":3,"date":"20260202","time":"x"}"#, "`20260202x` in field date, time"),
    ] {
        let message = topic.refused(value);
        assert!(message.contains(words), "{message}");
    }
    let block = topic.block();
    assert_eq!(block.timestamp.values.as_ref(), [1_770_040_210_207_000, 1_770_040_210_208_000]);
    assert_eq!(block.columns.len(), 1);

    let mut topic = Topic::with(composed(&["d", "t"], ""), &[]);
    topic.row(r#"{"id":1,"d":"2026-02-02T","t":"13:50:10.123456Z"}"#);
    topic.refused(r#"{"id":2,"d":"2026-02-02","t":"13:50:10.123456Z"}"#);
    assert_eq!(timestamps(&mut topic), [1_770_040_210_123_456]);
}

#[test]
fn one_text_may_be_the_key_s() {
    let mut topic = Topic::with(composed(&["key_d", "t"], "yyyyMMddHHmm"), &[]);
    topic.record(Some(br#"{"d":"20260202"}"#), Some(br#"{"id":1,"t":"1350"}"#)).unwrap();
    assert_eq!(timestamps(&mut topic), [1_770_040_200_000_000]);
    let mut topic = Topic::with(timestamp("key_ts", TimestampUnit::Millis), &[]);
    topic.record(Some(br#"{"ts":1600000000000,"k":1}"#), Some(br#"{"id":1}"#)).unwrap();
    let block = topic.block();
    assert_eq!(block.timestamp.values.as_ref(), [1_600_000_000_000_000]);
    assert_eq!(block.columns.len(), 2);
}

#[test]
fn records_without_the_field() {
    let record = |topic: &mut Topic, value: &str| {
        let record = SourceRecord {
            timestamp_ms: 5,
            arrival_ms: 7,
            value: Some(value.as_bytes()),
            ..SourceRecord::default()
        };
        topic.plan.append(&record, &mut topic.block)
    };
    for (missing, expected) in [(MissingTimestamp::Record, 5_000), (MissingTimestamp::Now, 7_000)] {
        let mut topic = Topic::with(without(missing), &[]);
        record(&mut topic, r#"{"id":1}"#).unwrap();
        record(&mut topic, r#"{"id":2,"ts":1}"#).unwrap();
        record(&mut topic, r#"{"id":3,"other":null}"#).unwrap();
        // What is there and wrong is not what is missing.
        let error = record(&mut topic, r#"{"id":4,"ts":null}"#).unwrap_err();
        assert!(error.message.contains("has null in field ts"), "{}", error.message);
        record(&mut topic, r#"{"id":4,"ts":"x"}"#).unwrap_err();
        record(&mut topic, r#"{"a":null}"#).unwrap_err();
        assert_eq!(topic.block.substitutes(), 2);
        assert_eq!(timestamps(&mut topic), [expected, 1_000_000, expected]);
        assert_eq!(topic.block.substitutes(), 0);
    }
    let mut topic = Topic::with(without(MissingTimestamp::Refuse), &[]);
    assert!(record(&mut topic, r#"{"id":1}"#).unwrap_err().message.contains("its `missing` says"));
}

#[test]
fn a_value_that_is_no_object_has_no_fields() {
    let mut topic = Topic::with(
        TopicConfig {
            timestamp: Some(TimestampConfig {
                missing: MissingTimestamp::Record,
                ..TimestampConfig::of_number("value", TimestampUnit::Auto)
            }),
            ..TopicConfig::default()
        },
        &[],
    );
    topic.row("1600000000");
    let block = topic.block();
    assert_eq!(block.timestamp.values.as_ref(), [1_000_000]);
    assert_eq!(show(&block.columns[0].values), r#"VARCHAR "1600000000""#);
}

#[test]
fn fields_whose_texts_are_times() {
    let config = || TopicConfig {
        timestamp_fields: ["born", "s", "l", "v", "d", "n"].map(str::to_owned).to_vec(),
        symbols: vec!["s".to_owned()],
        ..TopicConfig::default()
    };
    let mut topic = Topic::with(config(), &[]);
    topic.row(r#"{"born":"2020-01-02T03:04:05.123456789Z","s":"2020-01-02T03:04:05.123456Z"}"#);
    topic.row(r#"{"born":1600000000000}"#);
    let message = topic.refused(r#"{"born":"x"}"#);
    assert!(
        message.contains("column born, which `timestamp_fields` lists for the topic: `x` is no time"),
        "{message}"
    );
    assert!(message.contains("`timestamp_format`"), "{message}");
    assert_eq!(
        topic.columns(),
        ["born TIMESTAMP 1577934245123456 1600000000000", "s SYMBOL 1577934245123456 null"]
    );

    let columns =
        [("ts", "TIMESTAMP"), ("l", "LONG"), ("v", "VARCHAR"), ("d", "DATE"), ("n", "TIMESTAMP_NS")];
    let mut topic = Topic::with(config(), &columns);
    topic.row(r#"{"d":"2020-01-02T03:04:05.123456Z","n":"2020-01-02T03:04:05.123456789Z","l":5,"v":null}"#);
    for column in ["l", "v"] {
        let message = topic.refused(&format!(r#"{{"{column}":"2020-01-02T03:04:05.123456Z"}}"#));
        assert!(message.contains("take the column off that list"), "{message}");
    }
    assert_eq!(topic.columns(), ["d DATE 1577934245123", "n TIMESTAMP_NS 1577934245123456789", "l LONG 5"]);
}
