use std::cmp::Reverse;
use std::str::FromStr;

/// An exact topic name, or a pattern in which `*` stands for any characters, also none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicPattern(String);

/// Kafka's longest topic name, in bytes.
const TOPIC_NAME_MAX: usize = 249;

impl TopicPattern {
    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it names one topic only.
    pub fn is_exact(&self) -> bool {
        !self.0.contains('*')
    }

    /// Whether it covers the topic.
    pub fn matches(&self, topic: &str) -> bool {
        matches_pattern(&self.0, topic)
    }

    /// Sorts the more specific pattern first: exact names, then more literal characters.
    pub(super) fn specificity(&self) -> impl Ord + use<> {
        let literals = self.0.bytes().filter(|byte| *byte != b'*').count();
        Reverse((self.is_exact(), literals))
    }
}

/// Whether a pattern, in which `*` stands for any characters, also none, covers a name.
pub fn matches_pattern(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(first) else { return false };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    // The leftmost place is as good as any other, as nothing but `*` stands between the parts.
    for part in middle.split('*') {
        let Some((_, behind)) = left.split_once(part) else { return false };
        left = behind;
    }
    left.ends_with(last)
}

impl FromStr for TopicPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '*');
        if let Some(wrong) = text.chars().find(|c| !legal(*c)) {
            return Err(format!(
                "no topic name has a `{wrong}`: they are made of a-z, A-Z, 0-9, `.`, `_` and `-`; \
                 in a pattern, `*` stands for any characters"
            ));
        }
        if text.is_empty() || text == "." || text == ".." {
            return Err("is not a legal topic name".to_owned());
        }
        if text.len() > TOPIC_NAME_MAX {
            return Err(format!("is longer than a topic's name may be, {TOPIC_NAME_MAX} characters"));
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> TopicPattern {
        text.parse().unwrap()
    }

    #[test]
    fn patterns_match_what_they_say() {
        for (text, yes, no) in [
            ("trades", &["trades"][..], &["trades2", "Trades", "trade"][..]),
            ("*", &["a", "trades.eu"], &[]),
            ("trades.*", &["trades.", "trades.eu"], &["trades", "xtrades.eu"]),
            ("*-dlq", &["-dlq", "a-dlq-dlq"], &["a-dlq2"]),
            ("a*a", &["aa", "aba"], &["a", "ab"]),
            ("a*b*c", &["abc", "aXbYc", "abcbc"], &["ac", "acb"]),
            ("a**c", &["ac", "abc"], &["ab"]),
            ("*b*", &["b", "abc"], &["ac"]),
            ("*ab*b", &["abb", "xabyb"], &["ab"]),
        ] {
            for topic in yes {
                assert!(pattern(text).matches(topic), "{text} {topic}");
            }
            for topic in no {
                assert!(!pattern(text).matches(topic), "{text} {topic}");
            }
        }
    }

    #[test]
    fn only_topic_names_and_stars_are_patterns() {
        for text in ["", ".", "..", "a b", "trad?s", "a/b", "ü", &"x".repeat(250)] {
            assert!(text.parse::<TopicPattern>().is_err(), "{text}");
        }
    }
}
