use std::sync::Arc;

use crate::decode::json::JsonError;
use crate::rows::{Limit, MAX_COLUMNS};

/// How much of a value is shown.
const SHOWN_CHARS: usize = 100;

/// Why an attempt at a row has ended.
#[derive(Debug)]
pub(super) enum Refusal {
    /// An object has a member twice: the row is to be tried again without those that are superseded.
    DuplicateMember,
    /// A payload's fields do not come in the order of its schema, or something is wrong with it: the row is to be tried
    /// again with fields in any order.
    OutOfOrder,
    /// The document is not JSON.
    Json(JsonError),
    /// A field's text has something in it that is no character.
    Text(Box<BadText>),
    /// Anything else.
    Row(Box<Reason>),
}

/// A text that is none.
#[derive(Debug)]
pub(super) struct BadText {
    pub column: Arc<str>,
    pub error: JsonError,
}

/// What a `RowError` is made of.
#[derive(Debug)]
pub(super) struct Reason {
    pub column: Option<Arc<str>>,
    pub message: String,
}

impl Refusal {
    /// Whether the document would be JSON if its texts had other characters.
    #[cold]
    pub fn is_of_text(&self) -> bool {
        match self {
            Self::Json(error) => error.kind.is_of_text(),
            Self::Text(_) => true,
            Self::DuplicateMember | Self::OutOfOrder | Self::Row(_) => false,
        }
    }

    #[cold]
    pub fn of_row(message: impl Into<String>) -> Self {
        Self::Row(Box::new(Reason { column: None, message: message.into() }))
    }

    #[cold]
    pub fn of_column(column: impl Into<Arc<str>>, message: impl Into<String>) -> Self {
        Self::Row(Box::new(Reason { column: Some(column.into()), message: message.into() }))
    }
}

impl From<JsonError> for Refusal {
    #[cold]
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}

impl From<Limit> for Refusal {
    #[cold]
    fn from(limit: Limit) -> Self {
        Self::of_row(match limit {
            Limit::Columns => {
                format!(
                    "the batch has more than {MAX_COLUMNS} columns, QuestDB's limit for a table; leave some out with \
                     `only` or `drop` for the topic, or send such data as values"
                )
            }
            Limit::DenseBytes => {
                "the rows of the batch have so many columns, most of them without a value in most \
                                  rows, that they would take more than 128 MiB; send smaller batches"
                    .to_owned()
            }
        })
    }
}

/// A value for a message: cut to a length that a log can bear, and without control characters.
pub(super) fn cut(value: &[u8]) -> String {
    // Four bytes a character at most.
    let start = value.get(..SHOWN_CHARS * 4).unwrap_or(value);
    let text = String::from_utf8_lossy(start);
    let mut shown: String = text
        .chars()
        .take(SHOWN_CHARS)
        .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
        .collect();
    if start.len() < value.len() || text.chars().nth(SHOWN_CHARS).is_some() {
        shown.push('…');
    }
    shown
}
