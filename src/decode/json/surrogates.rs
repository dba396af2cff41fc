use std::borrow::Cow;

/// A document with `?` in place of every half of a surrogate pair, be it an escape or three bytes; whole pairs of three
/// bytes each become the character. None: there is no half, and nothing that UTF-8 writes otherwise.
///
/// Kafka's JsonConverter takes such documents, and Java writes `?` for what it cannot encode.
pub fn without_lone_surrogates(document: &[u8]) -> Option<Vec<u8>> {
    let mut out: Vec<u8> = Vec::new();
    let mut changed = false;
    let mut rest = document;
    while let Some(&first) = rest.first() {
        let (replacement, length): (Cow<'_, [u8]>, usize) = match first {
            b'\\' => match escaped_unit(rest) {
                Some(unit) if is_high(unit) && rest.get(6..).and_then(escaped_unit).is_some_and(is_low) => {
                    (Cow::Borrowed(rest.get(..12).unwrap_or(rest)), 12)
                }
                Some(unit) if is_high(unit) || is_low(unit) => (Cow::Borrowed(b"?"), 6),
                _ => (Cow::Borrowed(rest.get(..2).unwrap_or(rest)), 2),
            },
            0xed => match raw_unit(rest) {
                Some(high) if is_high(high) => {
                    match rest.get(3..).and_then(raw_unit).filter(|low| is_low(*low)) {
                        Some(low) => (Cow::Owned(pair(high, low).to_string().into_bytes()), 6),
                        None => (Cow::Borrowed(b"?"), 3),
                    }
                }
                Some(_) => (Cow::Borrowed(b"?"), 3),
                None => (Cow::Borrowed(rest.get(..1).unwrap_or(rest)), 1),
            },
            _ => (Cow::Borrowed(rest.get(..1).unwrap_or(rest)), 1),
        };
        let (original, behind) = rest.split_at(length.min(rest.len()));
        changed |= *original != *replacement;
        out.extend_from_slice(&replacement);
        rest = behind;
    }
    changed.then_some(out)
}

/// The UTF-16 unit that an escape stands for.
fn escaped_unit(bytes: &[u8]) -> Option<u32> {
    super::text::hex4(bytes.strip_prefix(b"\\u"))
}

/// The half of a surrogate pair that three bytes would be in UTF-8, if it were allowed there.
fn raw_unit(bytes: &[u8]) -> Option<u32> {
    match *bytes {
        [0xed, second @ 0xa0..=0xbf, third @ 0x80..=0xbf, ..] => {
            Some(0xd000 | u32::from(second & 0x3f) << 6 | u32::from(third & 0x3f))
        }
        _ => None,
    }
}

fn is_high(unit: u32) -> bool {
    (0xd800..0xdc00).contains(&unit)
}

fn is_low(unit: u32) -> bool {
    (0xdc00..0xe000).contains(&unit)
}

/// The character that two halves make.
fn pair(high: u32, low: u32) -> char {
    char::from_u32(0x10000 + ((high & 0x3ff) << 10) + (low & 0x3ff)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tree;
    use super::*;
    use crate::decode::Value;

    fn replaced(document: &[u8]) -> Option<String> {
        without_lone_surrogates(document).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    #[test]
    fn halves_are_replaced_and_pairs_are_not() {
        for (document, expected) in [
            (&br#""x\ud83dy""#[..], Some(r#""x?y""#)),
            (br#""\ude80\ud83d""#, Some(r#""??""#)),
            (br#""\ud83d\ud83d\ude80""#, Some(r#""?\ud83d\ude80""#)),
            (br#""\ud83d\n""#, Some(r#""?\n""#)),
            (br#""\ud83d\ude80 \u00e9 \\ud83d""#, None),
            (br#""\\\ud83d""#, Some(r#""\\?""#)),
            (b"\"\xed\xa0\x80\"", Some("\"?\"")),
            (b"\"\xed\xa0\xbd\xed\xba\x80\"", Some("\"\u{1f680}\"")),
            (b"\"\xed\x9f\xbf \xc3\xa9\"", None),
            (b"", None),
        ] {
            assert_eq!(replaced(document).as_deref(), expected, "{document:?}");
        }
    }

    #[test]
    fn what_is_no_half_stays_as_wrong_as_it_is() {
        for document in [&b"\"\xff\""[..], b"\"\\u12\"", b"\"\\", b"\"\\ud8", b"\"\xed\xa0", b"{\"a\":}"] {
            assert_eq!(without_lone_surrogates(document), None, "{document:?}");
        }
    }

    proptest! {
        #[test]
        fn a_text_of_any_units_becomes_one_without_halves(units: Vec<u16>) {
            let document: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let document = format!("\"{document}\"").into_bytes();
            let clean = without_lone_surrogates(&document).unwrap_or(document);
            let expected = char::decode_utf16(units).map(|unit| unit.unwrap_or('?')).collect::<String>();
            prop_assert_eq!(tree(&clean).unwrap(), Value::Text(expected));
        }

        #[test]
        fn no_bytes_are_too_odd(bytes: Vec<u8>) {
            if let Some(clean) = without_lone_surrogates(&bytes) {
                prop_assert!(clean.len() <= bytes.len());
                prop_assert_eq!(without_lone_surrogates(&clean), None);
            }
        }
    }
}
