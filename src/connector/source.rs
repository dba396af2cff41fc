use std::collections::BTreeMap;

use serde_json::Value;

use super::ImportError;

/// Reads the text as JSON where it begins as an object, else as properties.
pub(super) fn read(text: &str) -> Result<BTreeMap<String, String>, ImportError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with('{') { json(text) } else { properties(text) }
}

/// The object, or what is in its `config`, as Connect's REST API takes and shows connectors.
fn json(text: &str) -> Result<BTreeMap<String, String>, ImportError> {
    let syntax = |error: serde_json::Error| ImportError::Syntax(format!("is no JSON: {error}"));
    let mut object: serde_json::Map<String, Value> = serde_json::from_str(text).map_err(syntax)?;
    let mut entries = BTreeMap::new();
    if let Some(Value::Object(config)) = object.remove("config") {
        if let Some(Value::String(name)) = object.remove("name") {
            entries.insert("name".to_owned(), name);
        }
        object = config;
    }
    for (key, value) in object {
        let value = match value {
            Value::Null => continue,
            Value::String(text) => text,
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            Value::Array(_) | Value::Object(_) => {
                return Err(ImportError::new(key, "must be a text, as all values of a connector are"));
            }
        };
        entries.insert(key, value);
    }
    Ok(entries)
}

/// The format of `java.util.Properties`, in UTF-8.
fn properties(text: &str) -> Result<BTreeMap<String, String>, ImportError> {
    let mut entries = BTreeMap::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        let mut logical = line.to_owned();
        while continues(&logical) {
            logical.pop();
            match lines.next() {
                Some((_, next)) => logical += next.trim_start(),
                None => break,
            }
        }
        let (key, value) = divided(&logical);
        let unescape = |text: &str| {
            unescaped(text).ok_or_else(|| {
                ImportError::Syntax(format!("line {}: a \\u is not followed by four hex digits", number + 1))
            })
        };
        entries.insert(unescape(key)?, unescape(value)?.trim_end().to_owned());
    }
    Ok(entries)
}

/// Whether a line ends with an odd number of backslashes.
fn continues(line: &str) -> bool {
    line.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

/// A key ends at the first `=`, `:` or space that has no backslash before it.
fn divided(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = line.find(|character: char| {
        let ends = !escaped && (matches!(character, '=' | ':') || character.is_ascii_whitespace());
        escaped = character == '\\' && !escaped;
        ends
    });
    let (key, rest) = line.split_at(end.unwrap_or(line.len()));
    let rest = rest.trim_start();
    (key, rest.strip_prefix(['=', ':']).unwrap_or(rest).trim_start())
}

fn unescaped(text: &str) -> Option<String> {
    // Java's escapes are UTF-16: a character outside the BMP is two of them.
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let plain = match character {
            '\\' => match characters.next() {
                None => break,
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('f') => '\u{c}',
                Some('u') => {
                    let digits: String = characters.by_ref().take(4).collect();
                    units.push((digits.len() == 4).then(|| u16::from_str_radix(&digits, 16).ok())??);
                    continue;
                }
                Some(other) => other,
            },
            other => other,
        };
        units.extend(plain.encode_utf16(&mut [0; 2]).iter());
    }
    String::from_utf16(&units).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(text: &str) -> Vec<(String, String)> {
        read(text).unwrap().into_iter().collect()
    }

    #[test]
    fn json_with_and_without_its_envelope() {
        let expected =
            [("a", "1"), ("b", "x"), ("c", "true"), ("name", "n")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        let config = r#"{"a":1,"b":"x","c":true,"d":null}"#;
        let whole = format!(r#"{{"name":"n","config":{config},"tasks":[],"type":"sink"}}"#);
        assert_eq!(entries(&whole), expected);
        assert_eq!(entries(&config.replace("\"d\"", "\"name\":\"n\",\"d\"")), expected);
        let error = |text| read(text).unwrap_err().to_string();
        assert_eq!(error(r#"{"a.b":["x"]}"#), "a.b: must be a text, as all values of a connector are");
        assert!(error("{\"a\":").starts_with("is no JSON: EOF"));
    }

    #[test]
    fn properties_as_java_reads_them() {
        let text = "# comment\n! another\n\n  a = 1 \nb:2\nc 3\nd\\ e\\=f=g\nh=x\\\n   y\\\\\ni=\\u00fc\\tz\nj\nk==v\n";
        let expected = [
            ("a", "1"),
            ("b", "2"),
            ("c", "3"),
            ("d e=f", "g"),
            ("h", "xy\\"),
            ("i", "ü\tz"),
            ("j", ""),
            ("k", "=v"),
        ];
        assert_eq!(entries(text), expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
        assert_eq!(entries("a=\\ud83d\\ude00"), [("a".to_owned(), "😀".to_owned())]);
        assert!(read("x=1\na=\\u12").unwrap_err().to_string().starts_with("line 2: "));
    }
}
