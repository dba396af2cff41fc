//! InfluxDB's line protocol: `measurement,tag=value field=1.5,other="text" 1700000000000000000`.
//!
//! A measurement is a table, a tag a SYMBOL, and the time the designated timestamp, in nanoseconds. Of QuestDB's
//! own additions the ones that are text are read: `t` for a timestamp in microseconds, `n` in nanoseconds, and
//! `0x…i` for a LONG256.

use super::{Object, Payload, PayloadError, Timestamp, Value};

/// Hands on each line's row.
pub(super) fn read<E: From<PayloadError>>(
    bytes: &[u8],
    mut each: impl FnMut(Payload) -> Result<(), E>,
) -> Result<(), E> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        PayloadError::invalid(format!("it is not UTF-8 (at byte {})", error.valid_up_to()))
    })?;
    let mut line = 1;
    let mut rest = text;
    loop {
        let begun = rest.trim_start_matches([' ', '\r', '\n']);
        line += newlines(&rest[..rest.len() - begun.len()]);
        if begun.is_empty() {
            return Ok(());
        }
        if begun.starts_with('#') {
            rest = begun.find('\n').map_or("", |end| &begun[end..]);
            continue;
        }
        let mut cursor = Cursor { text: begun, at: 0 };
        let payload = cursor.line().map_err(|what| PayloadError::invalid(format!("line {line}: {what}")))?;
        each(payload)?;
        line += newlines(&begun[..cursor.at]);
        rest = &begun[cursor.at..];
    }
}

fn newlines(text: &str) -> usize {
    text.bytes().filter(|&byte| byte == b'\n').count()
}

/// Reads one line. Everything that it stops at is ASCII, so that it never stops inside a character.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl Cursor<'_> {
    fn line(&mut self) -> Result<Payload, String> {
        let measurement = self.name(b", \n");
        if measurement.is_empty() {
            return Err("it names no measurement, which is the table".to_owned());
        }
        let mut members = Vec::new();
        while self.take(b',') {
            let (name, at) = (self.name(b"=, \n"), self.at);
            if name.is_empty() || !self.take(b'=') {
                return Err(format!("a tag is NAME=VALUE (at {})", shown(&self.text[at..])));
            }
            let value = self.name(b", \n");
            if value.is_empty() {
                return Err(format!("tag `{name}` has no value"));
            }
            members.push((name, Value::Symbol(value)));
        }
        if !self.spaces() {
            return Err(format!("measurement `{measurement}` has no fields"));
        }
        loop {
            let (name, at) = (self.name(b"=, \n"), self.at);
            if name.is_empty() || !self.take(b'=') {
                return Err(format!("a field is NAME=VALUE (at {})", shown(&self.text[at..])));
            }
            let value = self.value().map_err(|what| format!("field `{name}`: {what}"))?;
            members.push((name, value));
            if !self.take(b',') {
                break;
            }
        }
        let timestamp = if self.spaces() { self.timestamp()? } else { None };
        self.spaces();
        self.take(b'\r');
        match self.peek() {
            None | Some(b'\n') => {}
            Some(_) => return Err(format!("something follows the fields: {}", shown(&self.text[self.at..]))),
        }
        let value = Value::Object(Object::of(members));
        Ok(Payload { table: Some(measurement), timestamp, has_schema: true, value })
    }

    fn timestamp(&mut self) -> Result<Option<Timestamp>, String> {
        let text = self.bare();
        match text.parse() {
            _ if text.is_empty() => Ok(None),
            Ok(nanos) => Ok(Some(Timestamp::Nanos(nanos))),
            Err(_) => Err(format!("`{}` is no time in nanoseconds", shown(text))),
        }
    }

    fn value(&mut self) -> Result<Value, String> {
        if self.take(b'"') {
            return self.string();
        }
        let text = self.bare();
        let wrong = || {
            format!(
                "`{}` is no value; numbers are 1.5 or 5i, booleans true or false, texts in double quotes",
                shown(text)
            )
        };
        match text {
            "t" | "T" | "true" | "True" | "TRUE" => return Ok(Value::Boolean(true)),
            "f" | "F" | "false" | "False" | "FALSE" => return Ok(Value::Boolean(false)),
            _ => {}
        }
        let digits = text.get(..text.len().saturating_sub(1)).unwrap_or_default();
        match text.as_bytes().last() {
            Some(b'i') if digits.starts_with("0x") => {
                let hex = digits.len() > 2 && digits.bytes().skip(2).all(|byte| byte.is_ascii_hexdigit());
                if hex { Ok(Value::Text(digits.to_owned())) } else { Err(wrong()) }
            }
            Some(b'i' | b'u') => integer(digits).ok_or_else(wrong),
            Some(b't') => {
                digits.parse().map(|time| Value::Timestamp(Timestamp::Micros(time))).map_err(|_| wrong())
            }
            Some(b'n') => {
                digits.parse().map(|time| Value::Timestamp(Timestamp::Nanos(time))).map_err(|_| wrong())
            }
            _ => double(text).ok_or_else(wrong),
        }
    }

    /// The rest of a text in quotes. It may have line breaks.
    fn string(&mut self) -> Result<Value, String> {
        let mut value = String::new();
        loop {
            let rest = &self.text[self.at..];
            let Some(end) = rest.find(['"', '\\']) else {
                return Err("its opening quote has no closing one".to_owned());
            };
            value.push_str(&rest[..end]);
            self.at += end + 1;
            if rest.as_bytes()[end] == b'"' {
                return Ok(Value::Text(value));
            }
            match self.peek() {
                Some(escaped @ (b'"' | b'\\' | b'\n')) => {
                    value.push(char::from(escaped));
                    self.at += 1;
                }
                _ => value.push('\\'),
            }
        }
    }

    /// A name up to one of `stops` that no backslash stands before.
    fn name(&mut self, stops: &[u8]) -> String {
        let mut name = String::new();
        loop {
            let rest = &self.text[self.at..];
            let end =
                rest.bytes().position(|byte| byte == b'\\' || stops.contains(&byte)).unwrap_or(rest.len());
            name.push_str(&rest[..end]);
            self.at += end;
            if self.peek() != Some(b'\\') {
                return name;
            }
            self.at += 1;
            match self.peek() {
                Some(escaped @ (b',' | b'=' | b' ' | b'\\' | b'"')) => {
                    name.push(char::from(escaped));
                    self.at += 1;
                }
                _ => name.push('\\'),
            }
        }
    }

    /// What is up to a comma or white space.
    fn bare(&mut self) -> &str {
        let rest = &self.text[self.at..];
        let end = rest.find([',', ' ', '\r', '\n']).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn spaces(&mut self) -> bool {
        let start = self.at;
        while self.take(b' ') {}
        self.at > start
    }
}

fn integer(digits: &str) -> Option<Value> {
    if let Ok(value) = digits.parse() {
        return Some(Value::Integer(value));
    }
    let magnitude = digits.strip_prefix('-').unwrap_or(digits);
    let only_digits = !magnitude.is_empty() && magnitude.bytes().all(|byte| byte.is_ascii_digit());
    only_digits.then(|| Value::BigInteger(digits.into()))
}

/// A float, also where it has no fraction.
fn double(text: &str) -> Option<Value> {
    let digits = text.bytes().any(|byte| byte.is_ascii_digit());
    let plain = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    let value = text.parse().ok().filter(|_| digits && plain)?;
    Some(Value::Double { value, text: Some(text.into()) })
}

fn shown(text: &str) -> String {
    let mut shown: String =
        text.chars().take(30).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(text: &str) -> Result<Vec<Payload>, String> {
        let mut lines = Vec::new();
        read(text.as_bytes(), |payload| {
            lines.push(payload);
            Ok::<_, PayloadError>(())
        })
        .map_err(|error| error.to_string())?;
        Ok(lines)
    }

    fn object(payload: &Payload) -> &[(String, Value)] {
        let Value::Object(object) = &payload.value else { panic!("{payload:?}") };
        &object.0
    }

    fn members(members: &[(&str, Value)]) -> Vec<(String, Value)> {
        members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    #[test]
    fn a_line_is_a_row() {
        let lines =
            lines("cpu,host=a,region=eu usage=1.5,n=5i,up=t,note=\"a \\\"b\\\"\" 1700000000000000001\n")
                .unwrap();
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].table.as_deref(), Some("cpu"));
        assert_eq!(lines[0].timestamp, Some(Timestamp::Nanos(1_700_000_000_000_000_001)));
        assert_eq!(
            object(&lines[0]),
            members(&[
                ("host", Value::Symbol("a".into())),
                ("region", Value::Symbol("eu".into())),
                ("usage", Value::Double { value: 1.5, text: Some("1.5".into()) }),
                ("n", Value::Integer(5)),
                ("up", Value::Boolean(true)),
                ("note", Value::Text("a \"b\"".into())),
            ])
        );
    }

    #[test]
    fn many_lines_comments_and_breaks_in_texts() {
        let lines = lines("# first\n\na x=1\r\n b,t=1 x=\"1\n2\" 5 \nc x=3").unwrap();
        let tables: Vec<_> = lines.iter().map(|line| line.table.as_deref().unwrap()).collect();
        assert_eq!(tables, ["a", "b", "c"]);
        assert_eq!(object(&lines[1])[1].1, Value::Text("1\n2".into()));
        assert_eq!(lines[1].timestamp, Some(Timestamp::Nanos(5)));
        assert_eq!(lines[2].timestamp, None);
    }

    #[test]
    fn escapes_and_all_values() {
        let lines = lines(
            "my\\ table\\,x,a\\=b=c\\ d f\\ 1=-1e3,g=0xffi,h=18446744073709551615u,i=7t,j=9n,k=\"\\\\\",l=F",
        )
        .unwrap();
        assert_eq!(lines[0].table.as_deref(), Some("my table,x"));
        assert_eq!(
            object(&lines[0]),
            members(&[
                ("a=b", Value::Symbol("c d".into())),
                ("f 1", Value::Double { value: -1e3, text: Some("-1e3".into()) }),
                ("g", Value::Text("0xff".into())),
                ("h", Value::BigInteger("18446744073709551615".into())),
                ("i", Value::Timestamp(Timestamp::Micros(7))),
                ("j", Value::Timestamp(Timestamp::Nanos(9))),
                ("k", Value::Text("\\".into())),
                ("l", Value::Boolean(false)),
            ])
        );
    }

    #[test]
    fn errors_name_the_line() {
        for (text, says) in [
            ("a x=1\nb", "line 2: measurement `b` has no fields"),
            ("a,t x=1", "line 1: a tag is NAME=VALUE"),
            ("a,t= x=1", "line 1: tag `t` has no value"),
            ("a x", "line 1: a field is NAME=VALUE"),
            ("a x=", "line 1: field `x`: `` is no value"),
            ("a x=nan", "field `x`: `nan` is no value"),
            ("a x=\"1", "field `x`: its opening quote"),
            ("a x=1 soon", "`soon` is no time"),
            ("a x=1 5 6", "something follows"),
            (",t=1 x=1", "no measurement"),
            ("a x=\"1\n2\"\nb x=q", "line 3: field `x`"),
        ] {
            let error = lines(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(text in "[a-c,=\\\\ \"\n\r#0-9.eitun🚀é-]{0,60}") {
            let _ = lines(&text);
        }
    }
}
