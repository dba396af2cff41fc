//! The scanner against `serde_json`: the same documents taken, the same refused, the same values read.

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::{JsonError, NumberValue, Scanner, superseded_members};

/// A document as the scanner reads it. None: it takes a number that no double can hold, which `serde_json` refuses.
fn read(document: &[u8]) -> Result<Option<Value>, JsonError> {
    let mut scanner = Scanner::new(document);
    let value = value(&mut scanner)?;
    scanner.end()?;
    Ok(value)
}

fn value(scanner: &mut Scanner<'_>) -> Result<Option<Value>, JsonError> {
    Ok(match scanner.value_start()? {
        b'"' => {
            let mut bytes = Vec::new();
            let text = scanner.string()?;
            text.unescape_into(&mut bytes);
            assert!(text.plain().is_none_or(|plain| plain == bytes));
            Some(Value::String(String::from_utf8(bytes).expect("the scanner checks for UTF-8")))
        }
        b'-' | b'0'..=b'9' => match scanner.number()?.value {
            NumberValue::Integer(integer) => Some(integer.into()),
            // Compared as doubles below.
            NumberValue::BigInteger => Some(Value::Null),
            NumberValue::Double(double) => serde_json::Number::from_f64(double).map(Value::Number),
        },
        b't' => scanner.word(b"true").map(|()| Some(true.into()))?,
        b'f' => scanner.word(b"false").map(|()| Some(false.into()))?,
        b'n' => scanner.word(b"null").map(|()| Some(Value::Null))?,
        b'{' => {
            let mut members = Some(Map::new());
            let mut more = scanner.first_member()?;
            while more {
                let mut name = Vec::new();
                scanner.string_after_quote()?.unescape_into(&mut name);
                scanner.colon()?;
                match value(scanner)? {
                    Some(value) => {
                        let name = String::from_utf8(name).expect("the scanner checks for UTF-8");
                        members.as_mut().map(|members| members.insert(name, value));
                    }
                    None => members = None,
                }
                more = scanner.next_member()?;
            }
            members.map(Value::Object)
        }
        b'[' => {
            let mut elements = Some(Vec::new());
            let mut more = scanner.first_element()?;
            while more {
                match value(scanner)? {
                    Some(value) => {
                        elements.as_mut().map(|elements| elements.push(value)).unwrap_or_default();
                    }
                    None => elements = None,
                }
                more = scanner.next_element()?;
            }
            elements.map(Value::Array)
        }
        _ => return Err(scanner.expected_value()),
    })
}

/// A tree as what the scanner reads.
fn plain(tree: &crate::decode::Value) -> Option<Value> {
    use crate::decode::Value as Tree;
    Some(match tree {
        Tree::Null | Tree::BigInteger(_) => Value::Null,
        Tree::Boolean(value) => (*value).into(),
        Tree::Integer(value) => (*value).into(),
        Tree::Double { value, .. } => Value::Number(serde_json::Number::from_f64(*value)?),
        Tree::Text(text) => text.as_str().into(),
        Tree::Array(elements) => Value::Array(elements.iter().map(plain).collect::<Option<_>>()?),
        Tree::Object(object) => {
            let members = object.0.iter().map(|(name, value)| Some((name.clone(), plain(value)?)));
            let members: Vec<_> = members.collect::<Option<_>>()?;
            let (count, map) = (members.len(), Map::from_iter(members));
            assert_eq!(count, map.len(), "a name comes twice");
            Value::Object(map)
        }
        other => panic!("{other:?} is nothing that JSON has"),
    })
}

/// Equal but for integers beyond int64 and for the last bit of doubles, where `serde_json` takes short cuts.
fn equal(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Null, Value::Number(number)) => number.as_i64().is_none(),
        (Value::Number(ours), Value::Number(theirs)) => match (ours.as_i64(), theirs.as_i64()) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => {
                let (ours, theirs) = (ours.as_f64().unwrap_or(0.0), theirs.as_f64().unwrap_or(0.0));
                ours == theirs || (ours - theirs).abs() <= ours.abs() * 1e-15
            }
        },
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| equal(ours, theirs))
        }
        (Value::Object(ours), Value::Object(theirs)) => {
            ours.len() == theirs.len()
                && ours.iter().all(|(name, ours)| theirs.get(name).is_some_and(|theirs| equal(ours, theirs)))
        }
        _ => ours == theirs,
    }
}

fn check(document: &[u8]) {
    let shown = String::from_utf8_lossy(document);
    let theirs = serde_json::from_slice::<Value>(document);
    let ours = read(document);
    let mut skipping = Scanner::new(document);
    let skipped = skipping.skip_value().and_then(|()| skipping.end());
    assert_eq!(ours.as_ref().err(), skipped.as_ref().err(), "skipping and reading differ: {shown}");
    assert_eq!(superseded_members(document).is_ok(), {
        let mut prefix = Scanner::new(document);
        prefix.skip_value().is_ok()
    });
    match (super::tree(document), &ours) {
        (Ok(tree), Ok(ours)) => {
            // Of a number beyond all doubles that a later one of the same name replaces, a tree knows nothing more.
            let plain = plain(&tree);
            assert!(plain == *ours || ours.is_none(), "{shown}: a tree of {plain:?} instead of {ours:?}");
        }
        (Err(tree), Err(ours)) => assert_eq!(tree, *ours, "{shown}"),
        (tree, ours) => panic!("{shown}: a tree reads {tree:?}, the scanner {ours:?}"),
    }
    match (ours, theirs) {
        (Ok(Some(ours)), Ok(theirs)) => assert!(equal(&ours, &theirs), "{shown}: {ours} instead of {theirs}"),
        (Ok(None), Ok(theirs)) => panic!("{shown}: beyond all doubles, and not {theirs}"),
        (Ok(Some(ours)), Err(error)) => {
            // An integer of 309 digits is beyond all doubles.
            assert!(error.to_string().starts_with("number out of range"), "{shown}: {ours}, but {error}");
        }
        (Ok(None), Err(error)) => {
            // Where both a number is too large and something else wrong after it, serde_json stops at the first.
            assert!(error.to_string().starts_with("number out of range"), "{shown}: {error}");
        }
        (Err(ours), Ok(theirs)) => panic!("{shown}: {ours}, but it is {theirs}"),
        (Err(_), Err(_)) => {}
    }
}

#[test]
fn corners() {
    let documents: &[&[u8]] = &[
        b"",
        b" ",
        b"{",
        b"}",
        b"[",
        b"]",
        b"{}",
        b"[]",
        b" { } ",
        b"{\"a\"}",
        b"{\"a\":}",
        b"{\"a\":1,}",
        b"{,}",
        b"[,]",
        b"[1,]",
        b"[1 2]",
        b"{\"a\" 1}",
        b"{a:1}",
        b"{'a':1}",
        b"{\"a\":1}x",
        b"{\"a\":1} \n\t\r",
        b"nul",
        b"null",
        b"nulll",
        b"tru",
        b"True",
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"-",
        b"1.",
        b".5",
        b"1e",
        b"1e+",
        b"01",
        b"-01",
        b"-0",
        b"-0.0",
        b"0e0",
        b"1E5",
        b"1e400",
        b"-1e400",
        b"[1e400",
        b"1e-400",
        b"0e999999999999",
        b"9223372036854775807",
        b"9223372036854775808",
        b"-9223372036854775808",
        b"-9223372036854775809",
        b"18446744073709551615",
        b"18446744073709551616",
        b"\"\\ud83d\\ude80\"",
        b"\"\\ud83d\"",
        b"\"\\ude80\"",
        b"\"\\ud83d\\u0041\"",
        b"\"\\ud83dx\"",
        b"\"\\ud83d\\n\"",
        b"\"\\u12\"",
        b"\"\\u12g4\"",
        b"\"\\x\"",
        b"\"\\",
        b"\"\\\"",
        b"\"\\u0000\"",
        b"\"\x00\"",
        b"\"\n\"",
        b"\"\x1f\"",
        b"\"\x7f\"",
        b"\"\xff\"",
        b"\"\xc3\xa9\"",
        b"\"\xc3\"",
        b"\"\xed\xa0\x80\"",
        b"\"\xf4\x90\x80\x80\"",
        b"\"abcdefg\xc3\xa9\"",
        b"\"abcdefgh\xff\"",
        b"\xef\xbb\xbf{}",
        b"{}\xef\xbb\xbf",
        b"\x0b{}",
        b"\xc2\xa0{}",
        b"{\"a\":1,\"a\":2}",
        b"{\"\":1}",
        b"/**/{}",
        b"{\"\\ud800\":1}",
        b"\"12345678",
        b"\"1234567\x01\"",
        b"[[]",
        b"[]]",
        b"{\"a\":[1,{\"b\":[]}]}",
        b"\x00",
    ];
    for document in documents {
        check(document);
    }
    let digits = "9".repeat(400);
    check(digits.as_bytes());
    check(format!("0.{digits}").as_bytes());
}

#[test]
fn nesting_ends_where_serde_json_ends_it() {
    for depth in [1, 126, 127, 128, 129, 5_000, 200_000] {
        check(&[b"[".repeat(depth), b"]".repeat(depth)].concat());
        check(&[b"{\"a\":".repeat(depth), b"1".to_vec(), b"}".repeat(depth)].concat());
        check(&[b"[{\"a\":".repeat(depth / 2), b"1".to_vec(), b"}]".repeat(depth / 2)].concat());
        check(&b"[".repeat(depth));
    }
}

fn json() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| format!("{number:e}")),
        "-?[0-9]{1,21}(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,4})?",
    ];
    let string = prop_oneof![
        any::<String>().prop_map(|text| Value::String(text).to_string()),
        "\"(\\\\u[dD][89a-fA-F][0-9a-f]{2}|\\\\[\"\\\\/bfnrtu]|[ -~]){0,12}\"",
        "\"[a-c]\"",
    ];
    let leaf = prop_oneof![
        number,
        string.clone(),
        Just("true".to_owned()),
        Just("null".into()),
        Just("false".into())
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        let space = "[ \n\t\r]{0,2}";
        prop_oneof![
            (prop::collection::vec((space, inner.clone()), 0..6)).prop_map(|elements| {
                let elements: Vec<_> = elements.into_iter().map(|(space, value)| space + &value).collect();
                format!("[{}]", elements.join(","))
            }),
            (prop::collection::vec((string.clone(), space, inner), 0..6)).prop_map(|members| {
                let members: Vec<_> = members
                    .into_iter()
                    .map(|(name, space, value)| name + &space + ":" + &space + &value)
                    .collect();
                format!("{{{}}}", members.join(" ,"))
            }),
        ]
    })
}

/// What a mutation writes over a byte: all that JSON gives a meaning, and what it never allows.
const BYTES: &[u8] = b"{}[]:,\"\\0123456789.eE+-tfnu \n\x00\x1f\x7f\x80\xc3\xa9\xed\xf0\xff";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn documents(document in json()) {
        check(document.as_bytes());
    }

    #[test]
    fn documents_with_bytes_changed(
        document in json(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..BYTES.len(), 0..3_u8), 1..4),
    ) {
        let mut document = document.into_bytes();
        for (place, byte, action) in changes {
            if document.is_empty() {
                break;
            }
            let place = place.index(document.len());
            match action {
                0 => document[place] = BYTES[byte],
                1 => document.insert(place, BYTES[byte]),
                _ => drop(document.remove(place)),
            }
        }
        check(&document);
    }

    #[test]
    fn any_bytes(document: Vec<u8>) {
        check(&document);
    }

    #[test]
    fn bytes_that_mean_something(places in prop::collection::vec(0..BYTES.len(), 0..24)) {
        check(&places.into_iter().map(|place| BYTES[place]).collect::<Vec<_>>());
    }
}
