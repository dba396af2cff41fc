#![no_main]
//! Any bytes as JSON: the scanner and `serde_json` agree on what is JSON and on its strings, and no value makes the
//! mapping panic or lose count of its rows.

use std::sync::Arc;

use quafka::config::TopicConfig;
use quafka::decode::json::{JsonError, NumberValue, Scanner};
use quafka::mapping::{Appended, Plan, SourceRecord};
use quafka::rows::TableName;
use quafka::schema::TableSchema;
use serde_json::Value;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    differential(data);
    mapping(data);
});

fn differential(data: &[u8]) {
    let mut strings = Vec::new();
    let mut scanner = Scanner::new(data);
    let ours = visit(&mut scanner, &mut strings).and_then(|()| scanner.end());
    match (ours, serde_json::from_slice::<Value>(data)) {
        (Ok(()), Err(error)) if error.to_string().starts_with("number out of range") => {}
        (ours, theirs) => assert_eq!(ours.is_ok(), theirs.is_ok(), "{ours:?}, {theirs:?}"),
    }
    for string in strings {
        assert!(std::str::from_utf8(&string).is_ok());
    }
}

fn visit(scanner: &mut Scanner<'_>, strings: &mut Vec<Vec<u8>>) -> Result<(), JsonError> {
    match scanner.value_start()? {
        b'"' => {
            let mut string = Vec::new();
            scanner.string()?.unescape_into(&mut string);
            strings.push(string);
        }
        b'-' | b'0'..=b'9' => {
            let number = scanner.number()?;
            match number.value {
                NumberValue::Integer(value) => assert_eq!(number.as_str().parse(), Ok(value)),
                NumberValue::BigInteger => assert!(number.as_str().parse::<i64>().is_err()),
                NumberValue::Double(value) => assert_eq!(number.as_str().parse(), Ok(value)),
            }
        }
        b'{' => {
            let mut more = scanner.first_member()?;
            while more {
                let mut name = Vec::new();
                scanner.string_after_quote()?.unescape_into(&mut name);
                strings.push(name);
                scanner.colon()?;
                visit(scanner, strings)?;
                more = scanner.next_member()?;
            }
        }
        b'[' => {
            let mut more = scanner.first_element()?;
            while more {
                visit(scanner, strings)?;
                more = scanner.next_element()?;
            }
        }
        _ => scanner.skip_value()?,
    }
    Ok(())
}

/// Each line is a record, and the first eight of its bytes its key where it has more.
fn mapping(data: &[u8]) {
    let config = TopicConfig {
        symbols: vec!["s".to_owned()],
        doubles: vec!["d".to_owned()],
        ..TopicConfig::default()
    };
    let Ok(plan) = Plan::new(&"t".into(), TableName::new("t"), &Arc::new(config), &TableSchema::default()) else { return };
    let mut block = plan.block_builder();
    let mut rows = 0;
    for (index, line) in data.split(|&byte| byte == b'\n').enumerate() {
        let (key, value) = line.split_at_checked(8).map_or((None, line), |(key, value)| (Some(key), value));
        for (key, value) in [(key, value), (None, line), (Some(line), &b"v"[..])] {
            let record = SourceRecord { index: index as u32, timestamp_ms: 0, key, value: Some(value), ..SourceRecord::default() };
            rows += usize::from(plan.append(&record, &mut block) == Ok(Appended::Row));
        }
    }
    assert_eq!(block.finish().map_or(0, |block| block.rows()), rows);
}
