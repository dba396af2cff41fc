use super::{Object, PayloadError, Value};
use crate::config::Csv;

/// Comma-separated values (RFC 4180), one row a record.
#[derive(Debug)]
pub(super) struct CsvRow {
    columns: Vec<String>,
    delimiter: char,
    quote: char,
    null: String,
}

/// A value as it stands between two delimiters.
struct Field {
    text: String,
    quoted: bool,
}

impl CsvRow {
    pub(super) fn new(config: &Csv) -> Self {
        Self {
            columns: config.columns.clone(),
            delimiter: config.delimiter,
            quote: config.quote,
            null: config.null.clone(),
        }
    }

    /// A record's values by their columns. No bytes at all are no row.
    pub(super) fn read(&self, bytes: &[u8]) -> Result<Value, PayloadError> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            PayloadError::invalid(format!("it is not UTF-8 (at byte {})", error.valid_up_to()))
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let text = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
        if text.is_empty() {
            return Ok(Value::Null);
        }
        let mut row = Object::default();
        let mut rest = Some(text);
        let mut fields = 0;
        while let Some(text) = rest {
            let field;
            (field, rest) = self.field(text, fields)?;
            if let Some(column) = self.columns.get(fields)
                && !column.is_empty()
                && !self.is_null(&field)
            {
                row.0.push((column.clone(), Value::Untyped(field.text)));
            }
            fields += 1;
        }
        if fields == self.columns.len() {
            Ok(Value::Object(row))
        } else {
            Err(PayloadError::invalid(format!(
                "it has {fields} values between `{}`, and `csv.columns` names {} columns",
                self.delimiter,
                self.columns.len()
            )))
        }
    }

    fn is_null(&self, field: &Field) -> bool {
        if field.text.is_empty() { !field.quoted } else { field.text == self.null && !field.quoted }
    }

    /// The value that `text` begins with, and what is behind the delimiter that ends it.
    fn field<'a>(&self, text: &'a str, index: usize) -> Result<(Field, Option<&'a str>), PayloadError> {
        let invalid = |what: &str| PayloadError::invalid(format!("its value {}: {what}", index + 1));
        let Some(mut inside) = text.strip_prefix(self.quote) else {
            let (field, rest) = match text.split_once(self.delimiter) {
                Some((field, rest)) => (field, Some(rest)),
                None => (text, None),
            };
            if field.contains(['\n', '\r']) {
                return Err(invalid("a line ends here, and a record is one row; send a record for each"));
            }
            return Ok((Field { text: field.to_owned(), quoted: false }, rest));
        };
        let mut value = String::new();
        loop {
            let Some((part, behind)) = inside.split_once(self.quote) else {
                return Err(invalid("its opening quote has no closing one"));
            };
            value.push_str(part);
            if let Some(behind) = behind.strip_prefix(self.quote) {
                // Twice is once.
                value.push(self.quote);
                inside = behind;
                continue;
            }
            let field = Field { text: value, quoted: true };
            return match behind.strip_prefix(self.delimiter) {
                Some(rest) => Ok((field, Some(rest))),
                None if behind.is_empty() => Ok((field, None)),
                None => Err(invalid("something follows its closing quote")),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(columns: &[&str], text: &str) -> Result<Vec<(String, String)>, String> {
        let csv = Csv {
            columns: columns.iter().map(|&column| column.to_owned()).collect(),
            delimiter: ',',
            quote: '"',
            null: "NA".to_owned(),
        };
        match CsvRow::new(&csv).read(text.as_bytes()) {
            Ok(Value::Object(row)) => Ok(row
                .0
                .into_iter()
                .map(|(name, value)| match value {
                    Value::Untyped(text) => (name, text),
                    other => panic!("{other:?}"),
                })
                .collect()),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.to_string()),
        }
    }

    fn pairs(pairs: &[(&str, &str)]) -> Result<Vec<(String, String)>, String> {
        Ok(pairs.iter().map(|&(name, text)| (name.to_owned(), text.to_owned())).collect())
    }

    #[test]
    fn values_get_their_columns_names() {
        assert_eq!(row(&["a", "b"], "1,x y"), pairs(&[("a", "1"), ("b", "x y")]));
        assert_eq!(row(&["a", "b"], "1,x\r\n"), pairs(&[("a", "1"), ("b", "x")]));
        assert_eq!(row(&["a", "b"], "\"1,\"\"2\",\"l\nm\""), pairs(&[("a", "1,\"2"), ("b", "l\nm")]));
        assert_eq!(row(&["a", "", "c"], "1,2,3"), pairs(&[("a", "1"), ("c", "3")]));
    }

    #[test]
    fn nothing_is_null_and_quotes_are_a_text() {
        assert_eq!(row(&["a", "b", "c", "d"], ",\"\",NA,\"NA\""), pairs(&[("b", ""), ("d", "NA")]));
        assert_eq!(row(&["a", "b"], ","), pairs(&[]));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (text, says) in [
            ("1", "it has 1 values"),
            ("1,2,3", "it has 3 values"),
            ("1,\"2", "its value 2: its opening quote"),
            ("\"1\"x,2", "its value 1: something follows"),
            ("1,2\n3,4", "its value 2: a line ends"),
        ] {
            let error = row(&["a", "b"], text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
