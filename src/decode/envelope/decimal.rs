/// More bytes than a number of 76 digits, QuestDB's longest DECIMAL, needs many times over.
const MAX_BYTES: usize = 128;

/// As many digits, before and behind the point together.
const MAX_DIGITS: usize = 400;

/// An unscaled integer (big endian, two's complement) and its scale as a decimal number. None: it is too long.
pub(in crate::decode) fn of_bytes(bytes: &[u8], scale: i32) -> Option<String> {
    if bytes.len() > MAX_BYTES {
        return None;
    }
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let mut magnitude = bytes.to_vec();
    if negative {
        // Two's complement: invert and add one.
        let mut carry = true;
        for byte in magnitude.iter_mut().rev() {
            (*byte, carry) = (!*byte).overflowing_add(u8::from(carry));
        }
    }
    Some(with_point(negative, digits(magnitude), scale))
}

/// A JSON number, which may have an exponent, without one. None: it is too long.
pub(in crate::decode) fn of_number(number: &str) -> Option<String> {
    let (negative, number) = number.strip_prefix('-').map_or((false, number), |number| (true, number));
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    let too_long = whole.len() + fraction.len() + scale.unsigned_abs() as usize > MAX_DIGITS;
    (!too_long).then(|| with_point(negative, format!("{whole}{fraction}"), scale))
}

/// The decimal digits of a big endian integer.
fn digits(mut number: Vec<u8>) -> String {
    let mut digits = Vec::new();
    while number.iter().any(|&byte| byte != 0) {
        let mut remainder = 0_u32;
        for byte in &mut number {
            let value = remainder << 8 | u32::from(*byte);
            *byte = (value / 10) as u8;
            remainder = value % 10;
        }
        digits.push(b'0' + remainder as u8);
    }
    digits.iter().rev().map(|&digit| char::from(digit)).collect()
}

fn with_point(negative: bool, digits: String, scale: i32) -> String {
    let places = scale.max(0) as usize;
    let mut digits = digits.trim_start_matches('0').to_owned();
    if scale < 0 && !digits.is_empty() {
        digits.push_str(&"0".repeat(scale.unsigned_abs() as usize));
    }
    // At least a digit before the point.
    let digits = format!("{digits:0>width$}", width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    let zero = digits.bytes().all(|digit| digit == b'0');
    let sign = if negative && !zero { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_unscaled_integer_and_a_scale() {
        for (bytes, scale, text) in [
            (&[0x30, 0x39][..], 2, "123.45"),
            (&[0x30, 0x39], 0, "12345"),
            (&[0x30, 0x39], 7, "0.0012345"),
            (&[0x30, 0x39], -2, "1234500"),
            (&[0xcf, 0xc7], 2, "-123.45"),
            (&[0xff], 1, "-0.1"),
            (&[0x80], 0, "-128"),
            (&[0x00], 2, "0.00"),
            (&[], 2, "0.00"),
            (&[0x00], -3, "0"),
        ] {
            assert_eq!(of_bytes(bytes, scale).as_deref(), Some(text));
        }
        assert_eq!(of_bytes(&[1; 129], 0), None);
    }

    #[test]
    fn a_number_without_its_exponent() {
        for (number, text) in [
            ("123.45", "123.45"),
            ("-1.5e3", "-1500"),
            ("1E-3", "0.001"),
            ("1.50", "1.50"),
            ("0", "0"),
            ("-0.0", "0.0"),
            ("12e0", "12"),
        ] {
            assert_eq!(of_number(number).as_deref(), Some(text), "{number}");
        }
        for number in ["1e400", "1e99999999999", "1e-2147483648"] {
            assert_eq!(of_number(number), None, "{number}");
        }
    }

    proptest! {
        #[test]
        fn as_128_bits_say(value: i128, scale in 0_i32..40) {
            let text = of_bytes(&value.to_be_bytes(), scale).unwrap();
            prop_assert_eq!(text.replace('.', "").parse::<i128>().unwrap(), value);
            let behind = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
            prop_assert_eq!(behind, scale as usize);
        }
    }
}
