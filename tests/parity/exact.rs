//! JSON as it is written, with nothing rounded on the way: numbers stay texts until they are compared bit by bit.

use std::fmt::Write as _;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    Null,
    Bool(bool),
    /// As it is written.
    Number(String),
    Text(String),
    Array(Vec<Json>),
    /// In order.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a document. QuestDB writes control characters in strings as they are, so they are taken.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader { text, at: 0 };
        let value = reader.value()?;
        reader.space();
        if reader.at < text.len() { Err(reader.fault("something behind the value")) } else { Ok(value) }
    }

    /// A member of an object.
    pub fn field(&self, name: &str) -> Option<&Json> {
        match self {
            Json::Object(members) => members.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// A text.
    pub fn text(&self) -> Option<&str> {
        match self {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }

    /// An integer.
    pub fn integer(&self) -> Option<i64> {
        match self {
            Json::Number(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// The elements of an array; none of anything else.
    pub fn elements(&self) -> &[Json] {
        match self {
            Json::Array(elements) => elements,
            _ => &[],
        }
    }

    /// The members of an object; none of anything else.
    pub fn members(&self) -> &[(String, Json)] {
        match self {
            Json::Object(members) => members,
            _ => &[],
        }
    }

    /// A text that is the same only for the same value: 1 is not 1.0, -0.0 is not 0.0, null is not "". For floats it
    /// is the shortest that reads as the same bits.
    pub fn canonical(&self) -> String {
        match self {
            Json::Null => "null".to_owned(),
            Json::Bool(value) => value.to_string(),
            Json::Number(text) if text.contains(['.', 'e', 'E']) => {
                format!("{:?}", text.parse::<f64>().unwrap_or_else(|_| panic!("{text} is a number")))
            }
            Json::Number(text) => text.clone(),
            Json::Text(text) => format!("{text:?}"),
            Json::Array(elements) => {
                format!("[{}]", elements.iter().map(Json::canonical).collect::<Vec<_>>().join(","))
            }
            Json::Object(_) => panic!("no column holds an object"),
        }
    }

    /// The same with every text changed.
    pub fn map_texts(&self, change: &impl Fn(&str) -> String) -> Json {
        match self {
            Json::Text(text) => Json::Text(change(text)),
            Json::Array(elements) => Json::Array(elements.iter().map(|one| one.map_texts(change)).collect()),
            Json::Object(members) => Json::Object(
                members.iter().map(|(name, value)| (change(name), value.map_texts(change))).collect(),
            ),
            other => other.clone(),
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn fault(&self, what: &str) -> String {
        format!("no JSON at byte {}: {what}", self.at)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Whether the next byte, behind space, is this one, which is then read.
    fn next_is(&mut self, byte: u8) -> bool {
        self.space();
        let is = self.peek() == Some(byte);
        self.at += usize::from(is);
        is
    }

    fn value(&mut self) -> Result<Json, String> {
        self.space();
        for (word, value) in [("null", Json::Null), ("true", Json::Bool(true)), ("false", Json::Bool(false))]
        {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        match self.peek() {
            Some(b'"') => self.string().map(Json::Text),
            Some(b'[') => self.array(),
            Some(b'{') => self.object(),
            Some(b'-' | b'0'..=b'9') => {
                let rest = &self.text[self.at..];
                let of_number = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
                let end = rest.find(|c| !of_number(c)).unwrap_or(rest.len());
                self.at += end;
                Ok(Json::Number(rest[..end].to_owned()))
            }
            _ => Err(self.fault("no value")),
        }
    }

    fn array(&mut self) -> Result<Json, String> {
        self.at += 1;
        let mut elements = Vec::new();
        if self.next_is(b']') {
            return Ok(Json::Array(elements));
        }
        loop {
            elements.push(self.value()?);
            if self.next_is(b']') {
                return Ok(Json::Array(elements));
            }
            if !self.next_is(b',') {
                return Err(self.fault("no , in an array"));
            }
        }
    }

    fn object(&mut self) -> Result<Json, String> {
        self.at += 1;
        let mut members = Vec::new();
        if self.next_is(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            self.space();
            let name = self.string()?;
            if !self.next_is(b':') {
                return Err(self.fault("no : in an object"));
            }
            members.push((name, self.value()?));
            if self.next_is(b'}') {
                return Ok(Json::Object(members));
            }
            if !self.next_is(b',') {
                return Err(self.fault("no , in an object"));
            }
        }
    }

    fn string(&mut self) -> Result<String, String> {
        if self.peek() != Some(b'"') {
            return Err(self.fault("no \""));
        }
        self.at += 1;
        let mut units: Vec<u16> = Vec::new();
        let mut characters = self.text[self.at..].char_indices();
        while let Some((index, character)) = characters.next() {
            match character {
                '"' => {
                    self.at += index + 1;
                    return Ok(String::from_utf16_lossy(&units));
                }
                '\\' => match characters.next().map(|(_, escaped)| escaped) {
                    Some('u') => {
                        let digits: String = characters.by_ref().take(4).map(|(_, digit)| digit).collect();
                        units.push(u16::from_str_radix(&digits, 16).map_err(|_| self.fault("\\u"))?);
                    }
                    Some('n') => units.push(10),
                    Some('t') => units.push(9),
                    Some('r') => units.push(13),
                    Some('b') => units.push(8),
                    Some('f') => units.push(12),
                    Some(other) => write_units(&mut units, other),
                    None => break,
                },
                other => write_units(&mut units, other),
            }
        }
        Err(self.fault("a string without end"))
    }
}

fn write_units(units: &mut Vec<u16>, character: char) {
    units.extend_from_slice(character.encode_utf16(&mut [0; 2]));
}

/// A row for a message: `{id=1, v="x"}`.
pub fn shown<'a>(row: impl IntoIterator<Item = (&'a String, &'a String)>) -> String {
    let mut text = String::from("{");
    for (name, value) in row {
        let separator = if text.len() > 1 { ", " } else { "" };
        let cut: String = value.chars().take(80).collect();
        let _ = write!(text, "{separator}{name}={cut}");
    }
    text + "}"
}

#[test]
fn different_values_have_different_texts() {
    let canonical = |text: &str| Json::parse(text).unwrap().canonical();
    let texts = [
        "1",
        "1.0",
        "-0.0",
        "0.0",
        "0",
        "\"1\"",
        "null",
        "\"\"",
        "\"null\"",
        "[1]",
        "[1.0]",
        "true",
        "0.1",
        "0.10000000149011612",
        "0.30000000000000004",
        "5e-324",
    ];
    for (index, one) in texts.iter().enumerate() {
        for other in &texts[index + 1..] {
            assert_ne!(canonical(one), canonical(other));
        }
    }
    assert_eq!(canonical("1.0E21"), canonical("1e+21"));
    assert_eq!(canonical("4.9E-324"), canonical("5e-324"));
    assert_eq!(canonical("\"\\ud83d\\ude80\\u0001\""), canonical("\"🚀\u{1}\""));
    for wrong in ["", "[1", "{\"a\"}", "1 2", "\"a", "nul"] {
        assert!(Json::parse(wrong).is_err(), "{wrong}");
    }
}
