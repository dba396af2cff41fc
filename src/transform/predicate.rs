use fancy_regex::Regex;

use super::options::Options;
use crate::config::{Predicate, nearest};
use crate::decode::{Message, Value};

/// Which records a transform is for (KIP-585).
#[derive(Debug)]
pub(super) struct Condition {
    test: Test,
    negate: bool,
}

#[derive(Debug)]
enum Test {
    TopicNameMatches(Box<Regex>),
    HasHeaderKey(String),
    RecordIsTombstone,
}

const NAMES: [&str; 3] = ["TopicNameMatches", "HasHeaderKey", "RecordIsTombstone"];

impl Condition {
    pub(super) fn new(config: &Predicate, negate: bool) -> Result<Self, String> {
        let mut options = Options::new(&config.options);
        let made = match config.kind.as_str() {
            "TopicNameMatches" => options.required("pattern").and_then(|pattern| {
                Ok(Test::TopicNameMatches(Box::new(
                    whole(&pattern).map_err(|error| format!("`pattern`: {error}"))?,
                )))
            }),
            "HasHeaderKey" => options.required("name").map(Test::HasHeaderKey),
            "RecordIsTombstone" => Ok(Test::RecordIsTombstone),
            other => Err(match nearest(other, NAMES) {
                Some(name) => format!("there is no such predicate; did you mean `{name}`?"),
                None => format!("there is no such predicate; there are {}", NAMES.join(", ")),
            }),
        };
        let test = made
            .and_then(|test| options.finish().map(|()| test))
            .map_err(|error| format!("predicate `{}`: {error}", config.kind))?;
        Ok(Self { test, negate })
    }

    pub(super) fn holds(&self, message: &Message) -> Result<bool, String> {
        let holds = match &self.test {
            Test::TopicNameMatches(pattern) => pattern
                .is_match(&message.topic)
                .map_err(|error| format!("predicate TopicNameMatches: {error}"))?,
            Test::HasHeaderKey(name) => message.headers.iter().any(|(other, _)| other == name),
            Test::RecordIsTombstone => message.value == Value::Null,
        };
        Ok(holds != self.negate)
    }
}

/// A regular expression that has to match a text from its start to its end.
pub(super) fn whole(pattern: &str) -> Result<Regex, String> {
    // By itself, so that an error shows what was written.
    Regex::new(pattern).map_err(|error| error.to_string())?;
    Regex::new(&format!(r"\A(?:{pattern})\z")).map_err(|error| error.to_string())
}
