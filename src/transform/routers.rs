//! The transforms that send a record to another topic, and so to another table: RegexRouter and TimestampRouter.

use fancy_regex::Regex;

use super::date_format::DateFormat;
use super::options::Options;
use super::predicate::whole;
use super::{Change, Flow};
use crate::decode::Message;

/// Replaces a topic that matches a regular expression.
#[derive(Debug)]
pub(super) struct RegexRouter {
    whole: Regex,
    first: Regex,
    replacement: Vec<Piece>,
}

/// A piece of a replacement, in Java's notation: `$1`, `${name}`, `\$`.
#[derive(Debug, PartialEq)]
enum Piece {
    Text(String),
    Group(usize),
    Named(String),
}

impl RegexRouter {
    pub(super) fn new(options: &mut Options) -> Result<Self, String> {
        let regex = options.required("regex")?;
        let Some(replacement) = options.text("replacement")? else {
            return Err("it needs `replacement`".to_owned());
        };
        let wrong = |error: String| format!("`regex`: {error}");
        let first = Regex::new(&regex).map_err(|error| wrong(error.to_string()))?;
        let replacement = pieces(&replacement, &first).map_err(|error| format!("`replacement`: {error}"))?;
        Ok(Self { whole: whole(&regex).map_err(wrong)?, first, replacement })
    }
}

impl Change for RegexRouter {
    fn apply(&self, message: &mut Message) -> Result<Flow, String> {
        let topic = &message.topic;
        let failed = |error: fancy_regex::Error| format!("topic `{topic}`: {error}");
        if !self.whole.is_match(topic).map_err(failed)? {
            return Ok(Flow::Keep);
        }
        // What is replaced is the first match, as Java's replaceFirst does, and that can be less than the whole.
        let Some(found) = self.first.captures(topic).map_err(failed)? else { return Ok(Flow::Keep) };
        let range = found.get(0).map_or(0..0, |all| all.range());
        let mut routed = topic[..range.start].to_owned();
        for piece in &self.replacement {
            let group = match piece {
                Piece::Text(text) => {
                    routed.push_str(text);
                    continue;
                }
                Piece::Group(number) => found.get(*number),
                Piece::Named(name) => found.name(name),
            };
            routed.push_str(group.map_or("", |group| group.as_str()));
        }
        routed.push_str(&topic[range.end..]);
        message.topic = routed;
        Ok(Flow::Keep)
    }
}

fn pieces(replacement: &str, regex: &Regex) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = replacement.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\\' => text.push(rest.next().ok_or("it ends with a backslash")?),
            '$' => {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
                if rest.next_if_eq(&'{').is_some() {
                    let name: String = std::iter::from_fn(|| rest.next_if(|&c| c != '}')).collect();
                    if rest.next().is_none() || !regex.capture_names().flatten().any(|known| known == name) {
                        return Err(format!("there is no group `{name}`"));
                    }
                    pieces.push(Piece::Named(name));
                    continue;
                }
                let Some(first) = rest.next().and_then(|c| c.to_digit(10)) else {
                    return Err(
                        "a `$` is followed by a group's number; write `\\$` for the character".to_owned()
                    );
                };
                // As many digits as make the number of a group that there is.
                let mut group = first as usize;
                if group >= regex.captures_len() {
                    return Err(format!("there is no group {group}"));
                }
                while let Some(digit) = rest.peek().and_then(|c| c.to_digit(10)) {
                    let longer = group * 10 + digit as usize;
                    if longer >= regex.captures_len() {
                        break;
                    }
                    group = longer;
                    rest.next();
                }
                pieces.push(Piece::Group(group));
            }
            character => text.push(character),
        }
    }
    pieces.push(Piece::Text(text));
    pieces.retain(|piece| *piece != Piece::Text(String::new()));
    Ok(pieces)
}

/// Makes a topic of a record's topic and its timestamp.
#[derive(Debug)]
pub(super) struct TimestampRouter {
    topic: String,
    timestamp: DateFormat,
}

impl TimestampRouter {
    pub(super) fn new(options: &mut Options) -> Result<Self, String> {
        let topic = options.text("topic.format")?.unwrap_or_else(|| "${topic}-${timestamp}".to_owned());
        let pattern = options.text("timestamp.format")?.unwrap_or_else(|| "yyyyMMdd".to_owned());
        let timestamp = DateFormat::new(&pattern).map_err(|error| format!("`timestamp.format`: {error}"))?;
        Ok(Self { topic, timestamp })
    }
}

impl Change for TimestampRouter {
    fn apply(&self, message: &mut Message) -> Result<Flow, String> {
        let timestamp = self.timestamp.format(message.timestamp_ms);
        message.topic = self.topic.replace("${topic}", &message.topic).replace("${timestamp}", &timestamp);
        Ok(Flow::Keep)
    }
}
