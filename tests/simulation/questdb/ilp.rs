//! Line protocol, as far as the gateway writes it here: symbols, integers, texts and timestamps.

/// A row as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub table: String,
    pub timestamp_us: i64,
    pub columns: Vec<(String, Value)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Symbol(String),
    Long(String),
    Text(String),
    Timestamp(String),
}

impl Value {
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Symbol(_) => "SYMBOL",
            Self::Long(_) => "LONG",
            Self::Text(_) => "VARCHAR",
            Self::Timestamp(_) => "TIMESTAMP",
        }
    }

    pub fn text(&self) -> &str {
        match self {
            Self::Symbol(text) | Self::Long(text) | Self::Text(text) | Self::Timestamp(text) => text,
        }
    }
}

impl Row {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.columns.iter().find(|(column, _)| column == name).map(|(_, value)| value.text())
    }

    pub fn set(&mut self, name: &str, value: &str) {
        for (column, old) in &mut self.columns {
            if column == name {
                *old = Value::Long(value.to_owned());
            }
        }
    }
}

/// The rows of a body. Err: it is no line protocol that this model knows.
pub fn rows(body: &[u8]) -> Result<Vec<Row>, String> {
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    let mut left = Left { text, at: 0 };
    let mut rows = Vec::new();
    while !left.is_empty() {
        rows.push(left.row().ok_or_else(|| format!("at byte {}: {text:?}", left.at))?);
    }
    Ok(rows)
}

struct Left<'a> {
    text: &'a str,
    at: usize,
}

impl Left<'_> {
    fn is_empty(&self) -> bool {
        self.at == self.text.len()
    }

    fn row(&mut self) -> Option<Row> {
        let table = self.until(&[',', ' '])?;
        let mut columns = Vec::new();
        while self.next()? == ',' {
            let name = self.until(&['='])?;
            self.next()?;
            columns.push((name, Value::Symbol(self.until(&[',', ' '])?)));
        }
        loop {
            let name = self.until(&['='])?;
            self.next()?;
            columns.push((name, self.field()?));
            if self.next()? == ' ' {
                break;
            }
        }
        let timestamp = self.until(&['\n'])?;
        self.next()?;
        let (number, unit) = timestamp.split_at(timestamp.len() - 1);
        let timestamp_us = match unit {
            "t" => number.parse().ok()?,
            "n" => number.parse::<i64>().ok()?.div_euclid(1000),
            _ => timestamp.parse::<i64>().ok()?.div_euclid(1000),
        };
        Some(Row { table, timestamp_us, columns })
    }

    fn field(&mut self) -> Option<Value> {
        if self.text[self.at..].starts_with('"') {
            self.next()?;
            let text = self.until(&['"'])?;
            self.next()?;
            return Some(Value::Text(text));
        }
        let word = self.until(&[',', ' '])?;
        let (number, suffix) = word.split_at(word.len() - 1);
        match suffix {
            "i" => Some(Value::Long(number.to_owned())),
            "t" | "n" if number.parse::<i64>().is_ok() => Some(Value::Timestamp(number.to_owned())),
            _ => None,
        }
    }

    fn next(&mut self) -> Option<char> {
        let next = self.text[self.at..].chars().next()?;
        self.at += next.len_utf8();
        Some(next)
    }

    /// Up to one of these, which is left; a backslash takes the next character as it is.
    fn until(&mut self, ends: &[char]) -> Option<String> {
        let mut text = String::new();
        loop {
            let next = self.text[self.at..].chars().next()?;
            if ends.contains(&next) {
                return Some(text);
            }
            self.at += next.len_utf8();
            text.push(if next == '\\' { self.next()? } else { next });
        }
    }
}
