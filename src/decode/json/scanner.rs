use super::{JsonError, JsonErrorKind, MAX_DEPTH, Number, Text, is_whitespace, number, text};

/// Reads one document from front to back.
///
/// An object is read by [`Scanner::first_member`], then, for each member, its name, [`Scanner::colon`], its value
/// and [`Scanner::next_member`]; an array by [`Scanner::first_element`] and [`Scanner::next_element`].
#[derive(Clone, Debug)]
pub struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: u8,
}

impl<'a> Scanner<'a> {
    /// Starts at the first byte of a document.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, depth: 0 }
    }

    /// How many bytes have been read.
    #[inline]
    pub fn offset(&self) -> usize {
        self.at
    }

    /// The bytes from `start` to here, as they are in the document.
    pub fn since(&self, start: usize) -> &'a [u8] {
        self.bytes.get(start..self.at).unwrap_or_default()
    }

    /// Skips white space and returns the byte that the next value starts with, without reading it.
    #[inline]
    pub fn value_start(&mut self) -> Result<u8, JsonError> {
        self.peek().ok_or_else(|| self.unexpected_end())
    }

    /// Reads `{` and, where the object has a member, the opening quote of its name.
    #[inline]
    pub fn first_member(&mut self) -> Result<bool, JsonError> {
        self.open(b'{')?;
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                Ok(true)
            }
            Some(b'}') => Ok(self.close()),
            found => Err(self.unexpected(found, JsonErrorKind::ExpectedName)),
        }
    }

    /// Reads `,` and the opening quote of the next member's name, or the object's `}`: false.
    #[inline]
    pub fn next_member(&mut self) -> Result<bool, JsonError> {
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                match self.peek() {
                    Some(b'"') => {
                        self.at += 1;
                        Ok(true)
                    }
                    found => Err(self.unexpected(found, JsonErrorKind::ExpectedName)),
                }
            }
            Some(b'}') => Ok(self.close()),
            found => Err(self.unexpected(found, JsonErrorKind::ExpectedCommaOrBrace)),
        }
    }

    /// Reads the rest of a name, where it is `name_and_quote`; otherwise nothing is read.
    #[inline]
    pub fn take_name(&mut self, name_and_quote: &[u8]) -> bool {
        let found = self.rest().starts_with(name_and_quote);
        if found {
            self.at += name_and_quote.len();
        }
        found
    }

    /// Reads the `:` between a name and its value.
    #[inline]
    pub fn colon(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            Some(b':') => {
                self.at += 1;
                Ok(())
            }
            found => Err(self.unexpected(found, JsonErrorKind::ExpectedColon)),
        }
    }

    /// Reads `[`; false where the array is empty and with that already read.
    #[inline]
    pub fn first_element(&mut self) -> Result<bool, JsonError> {
        self.open(b'[')?;
        match self.peek() {
            Some(b']') => Ok(self.close()),
            Some(_) => Ok(true),
            None => Err(self.unexpected_end()),
        }
    }

    /// Reads `,`, or the array's `]`: false.
    #[inline]
    pub fn next_element(&mut self) -> Result<bool, JsonError> {
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            Some(b']') => Ok(self.close()),
            found => Err(self.unexpected(found, JsonErrorKind::ExpectedCommaOrBracket)),
        }
    }

    /// Reads a string, from its opening quote.
    #[inline]
    pub fn string(&mut self) -> Result<Text<'a>, JsonError> {
        if self.bytes.get(self.at) != Some(&b'"') {
            return Err(self.unexpected(self.bytes.get(self.at).copied(), JsonErrorKind::ExpectedValue));
        }
        self.at += 1;
        self.string_after_quote()
    }

    /// Reads a string whose opening quote has been read.
    #[inline]
    pub fn string_after_quote(&mut self) -> Result<Text<'a>, JsonError> {
        let start = self.at;
        let mut ascii = true;
        let mut escaped = false;
        loop {
            self.at += plain_length(self.rest(), &mut ascii);
            match self.bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.at += text::escape_length(self.rest()).map_err(|kind| self.error(kind))?;
                }
                Some(_) => return Err(self.error(JsonErrorKind::ControlCharacter)),
                None => return Err(self.unexpected_end()),
            }
        }
        let raw = self.since(start);
        if !ascii && let Err(error) = std::str::from_utf8(raw) {
            return Err(JsonError { kind: JsonErrorKind::InvalidUtf8, offset: start + error.valid_up_to() });
        }
        self.at += 1;
        Ok(Text { raw, escaped })
    }

    /// Reads a number.
    #[inline]
    pub fn number(&mut self) -> Result<Number<'a>, JsonError> {
        let number = number::scan(self.rest()).ok_or_else(|| self.error(JsonErrorKind::InvalidNumber))?;
        self.at += number.text.len();
        Ok(number)
    }

    /// Reads `true`, `false` or `null`.
    #[inline]
    pub fn word(&mut self, word: &'static [u8]) -> Result<(), JsonError> {
        if self.rest().starts_with(word) {
            self.at += word.len();
            Ok(())
        } else {
            Err(self.error(JsonErrorKind::ExpectedValue))
        }
    }

    /// Reads a value of any kind without taking it.
    pub fn skip_value(&mut self) -> Result<(), JsonError> {
        match self.value_start()? {
            b'"' => self.string().map(drop),
            b'-' | b'0'..=b'9' => self.number().map(drop),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            b'{' => {
                let mut more = self.first_member()?;
                while more {
                    self.string_after_quote()?;
                    self.colon()?;
                    self.skip_value()?;
                    more = self.next_member()?;
                }
                Ok(())
            }
            b'[' => {
                let mut more = self.first_element()?;
                while more {
                    self.skip_value()?;
                    more = self.next_element()?;
                }
                Ok(())
            }
            _ => Err(self.error(JsonErrorKind::ExpectedValue)),
        }
    }

    /// Checks that nothing but white space is left.
    #[inline]
    pub fn end(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.error(JsonErrorKind::TrailingBytes)),
        }
    }

    /// The error that no value starts here.
    pub fn expected_value(&self) -> JsonError {
        self.error(JsonErrorKind::ExpectedValue)
    }

    #[inline]
    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The next byte that is not white space.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.bytes.get(self.at)?;
            if byte > b' ' || !is_whitespace(byte) {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    #[inline]
    fn open(&mut self, bracket: u8) -> Result<(), JsonError> {
        match self.peek() {
            Some(found) if found == bracket => {}
            found => return Err(self.unexpected(found, JsonErrorKind::ExpectedValue)),
        }
        if self.depth >= MAX_DEPTH {
            return Err(self.error(JsonErrorKind::TooDeep));
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    /// Reads a closing bracket. There is no next member or element, hence false.
    #[inline]
    fn close(&mut self) -> bool {
        self.depth = self.depth.saturating_sub(1);
        self.at += 1;
        false
    }

    #[cold]
    fn error(&self, kind: JsonErrorKind) -> JsonError {
        JsonError { kind, offset: self.at }
    }

    #[cold]
    fn unexpected_end(&self) -> JsonError {
        self.error(JsonErrorKind::UnexpectedEnd)
    }

    #[cold]
    fn unexpected(&self, found: Option<u8>, kind: JsonErrorKind) -> JsonError {
        if found.is_none() { self.unexpected_end() } else { self.error(kind) }
    }
}

/// How many bytes there are before the first quote, backslash or control character. Clears `ascii` when there
/// is a byte from 0x80 on before that.
#[inline]
fn plain_length(bytes: &[u8], ascii: &mut bool) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let mut at = 0;
    let mut rest = bytes;
    while let Some((chunk, after)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        // A byte's high bit tells: less than a space, a quote, a backslash. Only the lowest hit is exact, which
        // is all that is looked at.
        let control = word.wrapping_sub(ONES * 0x20);
        let quote = (word ^ (ONES * 0x22)).wrapping_sub(ONES);
        let backslash = (word ^ (ONES * 0x5c)).wrapping_sub(ONES);
        let hits = (control | quote | backslash) & !word & HIGHS;
        if hits != 0 {
            let length = hits.trailing_zeros() as usize / 8;
            let before = (1_u64 << (length * 8)) - 1;
            *ascii &= word & before & HIGHS == 0;
            return at + length;
        }
        *ascii &= word & HIGHS == 0;
        at += 8;
        rest = after;
    }
    for &byte in rest {
        if byte < 0x20 || byte == b'"' || byte == b'\\' {
            break;
        }
        *ascii &= byte < 0x80;
        at += 1;
    }
    at
}
