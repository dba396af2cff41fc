//! Integers as decimal text.

const PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819\
2021222324252627282930313233343536373839\
4041424344454647484950515253545556575859\
6061626364656667686970717273747576777879\
8081828384858687888990919293949596979899";

/// Appends a number, two digits at a time. `write!` takes three times as long, and a row has several.
pub(super) fn push_i64(value: i64, out: &mut Vec<u8>) {
    let mut text = [0_u8; 20];
    let mut at = text.len();
    let mut rest = value.unsigned_abs();
    while rest >= 100 {
        let pair = (rest % 100) as usize * 2;
        rest /= 100;
        at -= 2;
        text[at..at + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    }
    if rest >= 10 {
        at -= 2;
        let pair = rest as usize * 2;
        text[at..at + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    } else {
        at -= 1;
        text[at] = b'0' + rest as u8;
    }
    if value < 0 {
        at -= 1;
        text[at] = b'-';
    }
    out.extend_from_slice(&text[at..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(value: i64) -> String {
        let mut out = Vec::new();
        push_i64(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_ends_of_the_range() {
        for value in [0, 9, 10, 99, 100, -1, i64::MAX, i64::MIN, i64::MIN + 1] {
            assert_eq!(text(value), value.to_string());
        }
    }

    proptest! {
        #[test]
        fn as_the_standard_library_writes_it(value: i64, shift in 0_u32..63) {
            let value = value >> shift;
            prop_assert_eq!(text(value), value.to_string());
        }
    }
}
