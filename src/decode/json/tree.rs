use super::{JsonError, Scanner};
use crate::decode::{Object, Value};

/// Reads a whole document. Of a name that comes twice in an object the last value counts, in the place of the first.
pub fn tree(document: &[u8]) -> Result<Value, JsonError> {
    let mut scanner = Scanner::new(document);
    let value = value(&mut scanner)?;
    scanner.end()?;
    Ok(value)
}

/// Reads the next value. The scanner bounds how deep this goes.
pub(in crate::decode) fn value(scanner: &mut Scanner<'_>) -> Result<Value, JsonError> {
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
                members.push((name, value(scanner)?));
                more = scanner.next_member()?;
            }
            Value::Object(without_superseded(members))
        }
        b'[' => {
            let mut elements = Vec::new();
            let mut more = scanner.first_element()?;
            while more {
                elements.push(value(scanner)?);
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

/// An object as large as a peer likes must not cost the square of its size.
fn without_superseded(members: Vec<(String, Value)>) -> Object {
    let mut places = std::collections::HashMap::with_capacity(members.len());
    let mut object: Vec<(String, Value)> = Vec::with_capacity(members.len());
    for (name, value) in members {
        match places.get(&name) {
            Some(&place) => {
                if let Some((_, old)) = object.get_mut::<usize>(place) {
                    *old = value;
                }
            }
            None => {
                places.insert(name.clone(), object.len());
                object.push((name, value));
            }
        }
    }
    Object(object)
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
    }
}
