use super::nearest;

/// What serde says of a value that is of the wrong type, in the words of the file. What is not known stays as it is.
pub(super) fn in_words(message: &str) -> String {
    retold(message).unwrap_or_else(|| message.to_owned())
}

fn retold(message: &str) -> Option<String> {
    if let Some(rest) = message.strip_prefix("unknown variant `") {
        let (given, expected) = rest.split_once("`, expected ")?;
        let known: Vec<_> = quoted(expected).collect();
        let none = format!("`{given}` is none of {}", known.join(", "));
        return Some(match nearest(given, known) {
            Some(nearest) => format!("{none}; did you mean `{nearest}`?"),
            None => none,
        });
    }
    if let Some(rest) = message.strip_prefix("unknown field `") {
        let (given, expected) = rest.split_once("`, expected ")?;
        let known: Vec<_> = quoted(expected).collect();
        return Some(match nearest(given, known.iter().copied()) {
            Some(nearest) => format!("unknown key `{given}` in it; did you mean `{nearest}`?"),
            None => format!("unknown key `{given}` in it; known here: {}", known.join(", ")),
        });
    }
    if let Some(field) = message.strip_prefix("missing field ") {
        return Some(format!("needs {field}, which is not in it"));
    }
    if message == "wanted string or table" {
        return Some(format!("must be {}", expected_words("a string")));
    }
    let rest = message.strip_prefix("invalid type: ").or(message.strip_prefix("invalid value: "))?;
    // What was given may have these words in it, too.
    let (given, expected) = rest.rsplit_once(", expected ")?;
    Some(format!("must be {}, not {}", expected_words(expected), given_words(given)))
}

/// The names between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn expected_words(expected: &str) -> &str {
    match expected {
        "a string" => "a text between quotes",
        "a boolean" => "true or false",
        "a sequence" => "a list, such as [\"a\", \"b\"]",
        "a map" => "a table, such as { a = \"b\" }",
        "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number",
        other => other,
    }
}

fn given_words(given: &str) -> String {
    match given.split_once(' ') {
        Some(("string", text)) => format!("the text {text}"),
        Some(("integer" | "boolean", value)) => value.to_owned(),
        None if given == "sequence" => "a list".to_owned(),
        None if given == "map" => "a table".to_owned(),
        _ => given.strip_prefix("floating point ").unwrap_or(given).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "snake_case")]
    #[expect(dead_code, reason = "only errors are looked at")]
    struct All {
        text: Option<String>,
        number: Option<i32>,
        flag: Option<bool>,
        list: Option<Vec<String>>,
        table: Option<BTreeMap<String, String>>,
        letter: Option<char>,
        word: Option<Word>,
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Word {
        Seconds,
        Millis,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only errors are looked at")]
    struct Inner {
        kind: String,
    }

    #[test]
    fn what_serde_says_is_understood() {
        for (text, words) in [
            ("text = 5", "must be a text between quotes, not `5`"),
            ("number = \"a, expected b\"", "must be a whole number, not the text \"a, expected b\""),
            ("number = 1.5", "must be a whole number, not `1.5`"),
            ("flag = \"yes\"", "must be true or false, not the text \"yes\""),
            ("list = \"a\"", "must be a list, such as [\"a\", \"b\"], not the text \"a\""),
            ("table = []", "must be a table, such as { a = \"b\" }, not a list"),
            ("text = {}", "must be a text between quotes, not a table"),
            ("letter = \"ab\"", "must be a character, not the text \"ab\""),
            ("word = \"second\"", "`second` is none of seconds, millis; did you mean `seconds`?"),
            ("word = \"\"", "`` is none of seconds, millis"),
            ("word = 1", "must be a text between quotes"),
            ("inner = {}", "needs `kind`, which is not in it"),
            ("lists = 1", "unknown key `lists` in it; did you mean `list`?"),
            ("zzz = 1", "unknown key `zzz` in it; known here: text, number, flag"),
        ] {
            let error = toml::from_str::<All>(text).unwrap_err();
            let told = in_words(error.message());
            assert!(told.starts_with(words), "{text}: {told} ({})", error.message());
        }
        assert_eq!(in_words("says no field"), "says no field");
    }
}
