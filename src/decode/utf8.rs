//! Whether bytes are text.

/// Whether bytes are UTF-8. Short ones that are ASCII, as most values of fields are, take a look instead of a walk.
#[inline]
pub(super) fn is_utf8(bytes: &[u8]) -> bool {
    is_short_ascii(bytes) || std::str::from_utf8(bytes).is_ok()
}

/// Whether at most 16 bytes are ASCII: their first and last eight, or four, which may overlap.
#[inline(always)]
fn is_short_ascii(bytes: &[u8]) -> bool {
    if let (Some(&first), Some(&last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let both = u64::from_ne_bytes(first) | u64::from_ne_bytes(last);
        return bytes.len() <= 16 && both & 0x8080_8080_8080_8080 == 0;
    }
    if let (Some(&first), Some(&last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        return (u32::from_ne_bytes(first) | u32::from_ne_bytes(last)) & 0x8080_8080 == 0;
    }
    bytes.iter().all(u8::is_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_that_is_none_is_found_wherever_it_is() {
        for length in 0..40 {
            let text = vec![b'x'; length];
            assert!(is_utf8(&text));
            for place in 0..length {
                let mut text = text.clone();
                text[place] = 0x80;
                assert!(!is_utf8(&text), "{length} bytes, the bad one at {place}");
            }
        }
    }

    #[test]
    fn text_need_not_be_ascii() {
        for text in ["é", "é€", "日本", "日本語", "0123456789abcdé", "ünïcödé of more than 16 bytes"]
        {
            assert!(is_utf8(text.as_bytes()), "{text}");
            let cut = &text.as_bytes()[..text.len() - text.chars().next_back().unwrap().len_utf8() + 1];
            assert_eq!(is_utf8(cut), std::str::from_utf8(cut).is_ok(), "{cut:?}");
        }
    }
}
