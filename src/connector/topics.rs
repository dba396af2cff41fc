use super::ImportError;
use super::keys::Keys;
use crate::config::TopicPattern;

/// How many patterns a regular expression may become: one that names more was not meant to be spelt out.
const PATTERNS_MAX: usize = 64;

/// The topics, as patterns of quafka's; their settings are the same.
pub(super) fn patterns(keys: &mut Keys) -> Result<Vec<TopicPattern>, ImportError> {
    let (topics, regex) = (keys.take_list("topics"), keys.take_text("topics.regex"));
    match (topics, regex) {
        (Some(_), Some(_)) => {
            Err(ImportError::new("topics.regex", "contradicts `topics`; only one can be there"))
        }
        (None, None) => {
            Err(ImportError::new("topics", "is missing: it says which topics the settings are for"))
        }
        (Some(mut topics), None) => {
            let mut seen = std::collections::BTreeSet::new();
            topics.retain(|topic| seen.insert(topic.clone()));
            topics.iter().map(|topic| exact(topic)).collect()
        }
        (None, Some(regex)) => match of_regex(&regex) {
            Some(patterns) => Ok(patterns),
            None => {
                let reason = format!(
                    "`{regex}` is more than patterns with `*` can say, so these settings are for all topics; replace \
                     the `*` by the topics' names or patterns"
                );
                keys.lose("topics.regex", reason);
                Ok("*".parse().into_iter().collect())
            }
        },
    }
}

fn exact(topic: &str) -> Result<TopicPattern, ImportError> {
    match topic.parse::<TopicPattern>() {
        Ok(pattern) if pattern.is_exact() => Ok(pattern),
        Ok(_) => Err(ImportError::new("topics", format!("`{topic}`: no topic name has a `*`"))),
        Err(reason) => Err(ImportError::new("topics", format!("`{topic}`: {reason}"))),
    }
}

/// The patterns that cover exactly what a regular expression (Java's, for the whole name) does: literals, `\.`, `.*`,
/// groups and alternatives. None where there is more in it.
fn of_regex(regex: &str) -> Option<Vec<TopicPattern>> {
    let regex = regex.strip_prefix('^').unwrap_or(regex);
    let regex = regex.strip_suffix('$').filter(|rest| !rest.ends_with('\\')).unwrap_or(regex);
    let mut rest = regex.chars().peekable();
    let texts = alternatives(&mut rest, 0)?;
    if rest.next().is_some() {
        return None;
    }
    let mut patterns = Vec::new();
    for text in texts {
        let pattern = text.parse::<TopicPattern>().ok()?;
        if !patterns.contains(&pattern) {
            patterns.push(pattern);
        }
    }
    Some(patterns)
}

type Rest<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// What stands between `|`s, up to a `)` or the end.
fn alternatives(rest: &mut Rest<'_>, depth: usize) -> Option<Vec<String>> {
    if depth > 8 {
        return None;
    }
    let mut all = Vec::new();
    loop {
        all.extend(sequence(rest, depth)?);
        if all.len() > PATTERNS_MAX {
            return None;
        }
        if rest.peek() != Some(&'|') {
            return Some(all);
        }
        rest.next();
    }
}

/// Literals, `.*` and groups, one after another.
fn sequence(rest: &mut Rest<'_>, depth: usize) -> Option<Vec<String>> {
    let mut texts = vec![String::new()];
    loop {
        let parts = match rest.peek() {
            None | Some('|' | ')') => return Some(texts),
            Some('(') => {
                rest.next();
                if rest.peek() == Some(&'?') {
                    rest.next();
                    rest.next_if_eq(&':')?;
                }
                let inner = alternatives(rest, depth + 1)?;
                rest.next_if_eq(&')')?;
                inner
            }
            Some('.') => {
                rest.next();
                rest.next_if_eq(&'*')?;
                vec!["*".to_owned()]
            }
            Some('\\') => {
                rest.next();
                vec![rest.next_if(|escaped| matches!(escaped, '.' | '-' | '_'))?.to_string()]
            }
            Some(c) if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') => vec![rest.next()?.to_string()],
            Some(_) => return None,
        };
        // How often what was just read may come is more than a pattern can say.
        if matches!(rest.peek(), Some('*' | '+' | '?' | '{')) {
            return None;
        }
        if texts.len() * parts.len() > PATTERNS_MAX {
            return None;
        }
        texts = texts.iter().flat_map(|text| parts.iter().map(move |part| format!("{text}{part}"))).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regular_expressions_that_are_patterns() {
        for (regex, patterns) in [
            ("trades", &["trades"][..]),
            ("^trades\\.eu$", &["trades.eu"]),
            ("trades\\..*", &["trades.*"]),
            (".*", &["*"]),
            ("a|b|a", &["a", "b"]),
            ("(eu|us)_(?:bid|ask)", &["eu_bid", "eu_ask", "us_bid", "us_ask"]),
            ("prod-(a|b.*)", &["prod-a", "prod-b*"]),
        ] {
            let found = of_regex(regex).unwrap_or_else(|| panic!("{regex}"));
            assert_eq!(found.iter().map(TopicPattern::as_str).collect::<Vec<_>>(), patterns, "{regex}");
        }
    }

    #[test]
    fn what_is_more_than_a_pattern() {
        for regex in [
            "trades.eu",
            "a+",
            "a*",
            "[ab]",
            "a?",
            "(a|b)*",
            "\\w+",
            "a.{2}",
            "(a",
            "a)",
            "(?i)a",
            "a||b",
            ".+",
            "a{2}",
            ".*?",
            "a$b",
            &"(a|b)".repeat(7),
        ] {
            assert_eq!(of_regex(regex), None, "{regex}");
        }
    }
}
