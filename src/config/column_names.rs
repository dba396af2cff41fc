//! Names of columns: which QuestDB takes (`TableUtils.isValidColumnName` of QuestDB 9.3, with its default limit,
//! `cairo.max.file.name.length`, in bytes, as QuestDB's clients count it), and which are the same to it.

/// How long the name of a table or a column may be, in bytes of UTF-8.
pub const MAX_NAME_BYTES: usize = 127;

/// What is wrong with a column's name.
pub fn fault_of_column_name(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("a column needs a name");
    }
    if name.len() > MAX_NAME_BYTES {
        return Some("QuestDB takes no column name of more than 127 bytes");
    }
    if name.chars().any(is_illegal_in_names) {
        return Some(
            "QuestDB takes none of ? . , ' \" \\ / : ( ) + - * % ~ and no control characters in a column's name",
        );
    }
    None
}

/// The characters that QuestDB takes in no column's name.
pub fn is_illegal_in_names(character: char) -> bool {
    matches!(
        character,
        '\0'..='\u{f}'
            | '\u{7f}'
            | '\u{feff}'
            | '?'
            | '.'
            | ','
            | '\''
            | '"'
            | '\\'
            | '/'
            | ':'
            | ')'
            | '('
            | '+'
            | '-'
            | '*'
            | '%'
            | '~'
    )
}

/// Whether two names are one column: QuestDB's ignore case.
pub(super) fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// Whether a column is among others.
pub(super) fn has(names: &[String], name: &str) -> bool {
    names.iter().any(|other| same(other, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn column_names() {
        for name in ["a", "a b", " lead", "žluť", "1st", "$x", "a=b", "a[0]", "x🚀", "select", "\u{10}", "é"]
        {
            assert_eq!(fault_of_column_name(name), None, "{name}");
        }
        for character in "?.,'\"\\/:)(+-*%~\0\u{f}\n\u{7f}\u{feff}".chars() {
            assert!(fault_of_column_name(&format!("a{character}b")).is_some(), "{character:?}");
        }
        assert!(fault_of_column_name("").is_some());
        assert!(fault_of_column_name(&"x".repeat(128)).is_some());
        assert!(fault_of_column_name(&"é".repeat(64)).is_some());
    }
}
