use std::fmt;

/// Where and why a document is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// What is wrong.
    pub kind: JsonErrorKind,
    /// The byte of the document at which it was noticed, from 0.
    pub offset: usize,
}

/// What is wrong with a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonErrorKind {
    /// The document ends in the middle of a value.
    UnexpectedEnd,
    /// An object has something else where a member's name or `}` belongs.
    ExpectedName,
    /// A member's name is not followed by `:`.
    ExpectedColon,
    /// A member is followed by neither `,` nor `}`.
    ExpectedCommaOrBrace,
    /// An element is followed by neither `,` nor `]`.
    ExpectedCommaOrBracket,
    /// No value starts with this byte.
    ExpectedValue,
    /// A number is not written as JSON writes numbers.
    InvalidNumber,
    /// A backslash is followed by something that is no escape.
    InvalidEscape,
    /// Half of a surrogate pair.
    LoneSurrogate,
    /// A character below U+0020 that is not escaped.
    ControlCharacter,
    /// A string is not UTF-8.
    InvalidUtf8,
    /// More than [`super::MAX_DEPTH`] objects and arrays within each other.
    TooDeep,
    /// Something follows the value.
    TrailingBytes,
    /// More than 1,000,000 values, where the document has to be held as a tree.
    TooManyValues,
}

impl JsonErrorKind {
    /// Whether it is about the characters of a text, and not about the document around it.
    pub fn is_of_text(self) -> bool {
        matches!(self, Self::LoneSurrogate | Self::InvalidUtf8)
    }
}

impl fmt::Display for JsonErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnexpectedEnd => "it ends in the middle of a value",
            Self::ExpectedName => "expected a name in double quotes",
            Self::ExpectedColon => "expected `:` after a name",
            Self::ExpectedCommaOrBrace => "expected `,` or `}`",
            Self::ExpectedCommaOrBracket => "expected `,` or `]`",
            Self::ExpectedValue => "expected a value",
            Self::InvalidNumber => "a number that JSON does not allow",
            Self::InvalidEscape => "an escape that JSON does not know",
            Self::LoneSurrogate => {
                "half of a surrogate pair, which is no character (`lone_surrogates = \"replace\"` for the topic writes ? \
                 in its place)"
            }
            Self::ControlCharacter => "a control character that is not escaped",
            Self::InvalidUtf8 => "a string that is not UTF-8",
            Self::TooDeep => "more than 127 levels of objects and arrays",
            Self::TrailingBytes => "something follows the value",
            Self::TooManyValues => "more than 1,000,000 values",
        })
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.kind, self.offset)
    }
}

impl std::error::Error for JsonError {}
