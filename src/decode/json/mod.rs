//! JSON (RFC 8259), read in one pass over the bytes of a record.
//!
//! The scanner is pulled: whoever drives it decides, member by member, whether a value is read, skipped or taken
//! as text. Nothing is allocated here except where a document names a member twice.
//!
//! It takes and refuses the same documents as `serde_json`, down to lone surrogates and the nesting limit. The
//! tests hold it to that; numbers are the one exception, because the grammar knows no range: a number that no
//! `f64` can hold is a [`Number`] here and for the caller to judge.

mod duplicates;
mod error;
mod number;
mod scanner;
mod surrogates;
mod text;
mod tree;

#[cfg(test)]
mod differential;

pub use duplicates::superseded_members;
pub use error::{JsonError, JsonErrorKind};
pub use number::{Number, NumberValue};
pub use scanner::Scanner;
pub use surrogates::without_lone_surrogates;
pub use text::Text;
pub use tree::tree;
pub(in crate::decode) use tree::{MAX_VALUES, value as tree_value};

/// How deep objects and arrays may be nested: `serde_json`'s limit.
pub const MAX_DEPTH: u8 = 127;

/// The bytes that JSON takes for white space.
pub(crate) fn is_whitespace(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Whether these bytes are meant as a JSON object: their first byte after white space is `{`.
///
/// A byte order mark before it does not hide the object; the scanner then refuses the document, as RFC 8259
/// allows, instead of the bytes being taken for text.
pub fn looks_like_object(bytes: &[u8]) -> bool {
    starts_with(bytes, b'{')
}

/// The same for an array and `[`.
pub fn looks_like_array(bytes: &[u8]) -> bool {
    starts_with(bytes, b'[')
}

/// Whether there is nothing but white space.
pub fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| is_whitespace(byte))
}

/// Whether a document is `null`, or no document at all: nothing but white space.
pub fn is_null(bytes: &[u8]) -> bool {
    let start = bytes.iter().position(|&byte| !is_whitespace(byte)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|&byte| !is_whitespace(byte)).map_or(start, |last| last + 1);
    matches!(bytes.get(start..end), Some(b"" | b"null"))
}

#[inline]
fn starts_with(bytes: &[u8], bracket: u8) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    bytes.iter().find(|&&byte| !is_whitespace(byte)) == Some(&bracket)
}
