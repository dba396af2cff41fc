use super::{JsonError, JsonErrorKind, Scanner};
use crate::decode::{Object, Value};

/// Reads a whole document. Of a name that comes twice in an object the last value counts, in the place of the first.
pub fn tree(document: &[u8]) -> Result<Value, JsonError> {
    let mut scanner = Scanner::new(document);
    let value = value(&mut scanner, &mut 0)?;
    scanner.end()?;
    Ok(value)
}

/// As many values make a tree of some 100 MiB, out of a document of 2 MB.
pub(in crate::decode) const MAX_VALUES: usize = 1_000_000;

/// Reads the next value, and counts it with all that is in it. The scanner bounds how deep this goes.
pub(in crate::decode) fn value(scanner: &mut Scanner<'_>, values: &mut usize) -> Result<Value, JsonError> {
    *values += 1;
    if *values > MAX_VALUES {
        return Err(JsonError { kind: JsonErrorKind::TooManyValues, offset: scanner.offset() });
    }
    Ok(match scanner.value_start()? {
        b'"' => Value::Text(text(&scanner.string()?)),
        b'-' | b'0'..=b'9' => Value::number(&scanner.number()?),
        b't' => {
            scanner.word(b"true")?;
            Value::Boolean(true)
        }
        b'f' => {
            scanner.word(b"false")?;
            Value::Boolean(false)
        }
        b'n' => {
            scanner.word(b"null")?;
            Value::Null
        }
        b'{' => {
            let mut members: Vec<(String, Value)> = Vec::new();
            let mut more = scanner.first_member()?;
            while more {
                let name = text(&scanner.string_after_quote()?);
                scanner.colon()?;
                members.push((name, value(scanner, values)?));
                more = scanner.next_member()?;
            }
            Value::Object(Object::of(members))
        }
        b'[' => {
            let mut elements = Vec::new();
            let mut more = scanner.first_element()?;
            while more {
                elements.push(value(scanner, values)?);
                more = scanner.next_element()?;
            }
            Value::Array(elements)
        }
        _ => return Err(scanner.expected_value()),
    })
}

fn text(text: &super::Text<'_>) -> String {
    let mut bytes = Vec::new();
    text.unescape_into(&mut bytes);
    // The scanner has checked it.
    String::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_name_that_comes_twice_the_last_counts() {
        let Value::Object(object) = tree(br#"{"a":1,"b":2,"a":3}"#).unwrap() else { panic!() };
        assert_eq!(object.0.len(), 2);
        assert_eq!(object.field("a"), Some(&Value::Integer(3)));
    }

    #[test]
    fn what_is_no_json_is_refused_as_by_the_scanner() {
        for document in ["", "{", "[1,]", "{} x", "nul", "\"\\ud800\""] {
            assert!(tree(document.as_bytes()).is_err(), "{document}");
        }
        let deep = "[".repeat(100_000);
        assert!(tree(deep.as_bytes()).is_err());
        let wide = format!("[{}1]", "1,".repeat(1_000_000));
        assert!(matches!(tree(wide.as_bytes()), Err(JsonError { kind: JsonErrorKind::TooManyValues, .. })));
    }
}
