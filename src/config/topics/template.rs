use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A table's name, in which variables stand for what a record is or has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TableTemplate(Vec<TemplatePart>);

/// A part of a table's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplatePart {
    /// Itself.
    Literal(String),
    /// `${topic}`: the record's topic.
    Topic,
    /// `${key}`: the record's key.
    Key,
    /// `${partition}`: the record's partition.
    Partition,
    /// `${header:NAME}`: the last header of that name.
    Header(String),
    /// `${value.FIELD}`: a field of the record's value; nested ones are divided by dots.
    Value(String),
}

impl TableTemplate {
    /// The parts, in order.
    pub fn parts(&self) -> &[TemplatePart] {
        &self.0
    }

    /// The name, where it is the same for all records of a topic.
    pub fn of_topic(&self, topic: &str) -> Option<String> {
        let mut name = String::new();
        for part in &self.0 {
            match part {
                TemplatePart::Literal(text) => name.push_str(text),
                TemplatePart::Topic => name.push_str(topic),
                _ => return None,
            }
        }
        Some(name)
    }
}

impl FromStr for TableTemplate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("is empty; leave it out to use the topic's name".to_owned());
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((literal, after)) = rest.split_once("${") {
            if !literal.is_empty() {
                parts.push(TemplatePart::Literal(literal.to_owned()));
            }
            let Some((variable, after)) = after.split_once('}') else {
                return Err(format!("`{text}`: a `${{` has no `}}`"));
            };
            parts.push(variable.parse().map_err(|reason| format!("`{text}`: {reason}"))?);
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(TemplatePart::Literal(rest.to_owned()));
        }
        Ok(Self(parts))
    }
}

impl FromStr for TemplatePart {
    type Err = String;

    /// A variable, without `${` and `}`.
    fn from_str(variable: &str) -> Result<Self, String> {
        match variable {
            "topic" => return Ok(Self::Topic),
            "key" => return Ok(Self::Key),
            "partition" => return Ok(Self::Partition),
            _ => {}
        }
        if let Some(name) = variable.strip_prefix("header:").filter(|name| !name.is_empty()) {
            return Ok(Self::Header(name.to_owned()));
        }
        if let Some(field) = variable.strip_prefix("value.").filter(|field| !field.is_empty()) {
            return Ok(Self::Value(field.to_owned()));
        }
        Err(format!(
            "there is no variable `${{{variable}}}`; there are ${{topic}}, ${{key}}, ${{partition}}, ${{header:NAME}} and \
             ${{value.FIELD}}"
        ))
    }
}

impl TryFrom<String> for TableTemplate {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<TableTemplate> for String {
    fn from(template: TableTemplate) -> Self {
        template.to_string()
    }
}

impl fmt::Display for TableTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            match part {
                TemplatePart::Literal(text) => f.write_str(text)?,
                TemplatePart::Topic => f.write_str("${topic}")?,
                TemplatePart::Key => f.write_str("${key}")?,
                TemplatePart::Partition => f.write_str("${partition}")?,
                TemplatePart::Header(name) => write!(f, "${{header:{name}}}")?,
                TemplatePart::Value(field) => write!(f, "${{value.{field}}}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_and_literals() {
        let text = "a_${topic}.${key}-${partition}_${header:region}${value.a.b}_z";
        let template: TableTemplate = text.parse().unwrap();
        assert_eq!(template.to_string(), text);
        assert_eq!(template.parts().len(), 10);
        assert_eq!(template.of_topic("t"), None);
        assert_eq!("x_${topic}_y".parse::<TableTemplate>().unwrap().of_topic("t").as_deref(), Some("x_t_y"));
    }

    #[test]
    fn what_is_no_template() {
        for text in [
            "",
            " ",
            "${",
            "a${key",
            "${}",
            "${TOPIC}",
            "${topic_${key}}",
            "${header:}",
            "${value.}",
            "${value}",
        ] {
            assert!(text.parse::<TableTemplate>().is_err(), "{text}");
        }
    }
}
