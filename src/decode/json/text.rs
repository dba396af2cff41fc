/// A string of a document: the bytes between its quotes, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'a> {
    pub(super) raw: &'a [u8],
    pub(super) escaped: bool,
}

impl<'a> Text<'a> {
    /// The string itself, where nothing in it is escaped. UTF-8.
    #[inline]
    pub fn plain(&self) -> Option<&'a [u8]> {
        (!self.escaped).then_some(self.raw)
    }

    /// The bytes between the quotes, escapes and all. UTF-8.
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// Appends the string to `out`, its escapes resolved. What is appended is UTF-8.
    pub fn unescape_into(&self, out: &mut Vec<u8>) {
        let mut rest = self.raw;
        while let Some(at) = rest.iter().position(|&byte| byte == b'\\') {
            let (before, escape) = rest.split_at(at);
            out.extend_from_slice(before);
            let (character, length) = resolve(escape);
            let mut utf8 = [0; 4];
            out.extend_from_slice(character.encode_utf8(&mut utf8).as_bytes());
            rest = escape.get(length..).unwrap_or_default();
        }
        out.extend_from_slice(rest);
    }
}

/// The character that an escape at the start of `escape` stands for, and the escape's length. The scanner has
/// refused all that are none, so that U+FFFD is never seen.
fn resolve(escape: &[u8]) -> (char, usize) {
    let simple = |character| (character, 2);
    match escape.get(1) {
        Some(b'b') => simple('\u{8}'),
        Some(b'f') => simple('\u{c}'),
        Some(b'n') => simple('\n'),
        Some(b'r') => simple('\r'),
        Some(b't') => simple('\t'),
        Some(b'u') => {
            let high = hex4(escape.get(2..)).unwrap_or(0xfffd);
            if !(0xd800..0xdc00).contains(&high) {
                return (char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER), 6);
            }
            let low = hex4(escape.get(8..)).unwrap_or(0xdc00);
            let code = 0x10000 + ((high - 0xd800) << 10) + (low.wrapping_sub(0xdc00) & 0x3ff);
            (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12)
        }
        Some(&byte) => simple(char::from(byte)),
        None => (char::REPLACEMENT_CHARACTER, 1),
    }
}

/// Checks the escape at the start of `bytes` and returns its length, both halves of a surrogate pair included.
pub(super) fn escape_length(bytes: &[u8]) -> Result<usize, super::JsonErrorKind> {
    use super::JsonErrorKind::{InvalidEscape, LoneSurrogate, UnexpectedEnd};
    match bytes.get(1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(2),
        Some(b'u') => {
            let unit = hex4(bytes.get(2..)).ok_or(InvalidEscape)?;
            match unit {
                0xd800..0xdc00 => {
                    if bytes.get(6..8) != Some(b"\\u") {
                        return Err(LoneSurrogate);
                    }
                    let low = hex4(bytes.get(8..)).ok_or(InvalidEscape)?;
                    if (0xdc00..0xe000).contains(&low) { Ok(12) } else { Err(LoneSurrogate) }
                }
                0xdc00..0xe000 => Err(LoneSurrogate),
                _ => Ok(6),
            }
        }
        Some(_) => Err(InvalidEscape),
        None => Err(UnexpectedEnd),
    }
}

pub(super) fn hex4(bytes: Option<&[u8]>) -> Option<u32> {
    let digits = bytes?.first_chunk::<4>()?;
    digits.iter().try_fold(0, |value, &digit| Some(value * 16 + char::from(digit).to_digit(16)?))
}
