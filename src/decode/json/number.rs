/// A number of a document.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number<'a> {
    /// As it is written in the document.
    pub text: &'a [u8],
    /// What it is worth.
    pub value: NumberValue,
}

impl<'a> Number<'a> {
    /// The number as text.
    pub fn as_str(&self) -> &'a str {
        // A number is ASCII, so that nothing is ever replaced.
        std::str::from_utf8(self.text).unwrap_or_default()
    }
}

/// A number's value. A fraction or an exponent makes it a [`NumberValue::Double`], even where it is integral.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NumberValue {
    /// Digits only.
    Integer(i64),
    /// Digits only, and more than an `i64` can hold.
    BigInteger,
    /// The nearest double; infinite where the number is beyond all doubles.
    Double(f64),
}

/// Powers of ten that a double holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

/// As many digits as a `u64` always holds.
const MAX_DIGITS: usize = 19;

/// Reads the number at the start of `bytes`. None: JSON does not write numbers so.
#[inline]
pub(super) fn scan(bytes: &[u8]) -> Option<Number<'_>> {
    let negative = bytes.first() == Some(&b'-');
    let start = usize::from(negative);
    let mut mantissa = 0_u64;
    let mut at = digits(bytes, start, &mut mantissa);
    let integer_digits = at - start;
    if integer_digits == 0 || (integer_digits > 1 && bytes.get(start) == Some(&b'0')) {
        return None;
    }
    match bytes.get(at) {
        Some(b'.' | b'e' | b'E') => {}
        _ => {
            let value = integer(negative, mantissa, integer_digits);
            return Some(Number { text: bytes.get(..at)?, value });
        }
    }
    let mut fraction_digits = 0;
    if bytes.get(at) == Some(&b'.') {
        let fraction = at + 1;
        at = digits(bytes, fraction, &mut mantissa);
        fraction_digits = at - fraction;
        if fraction_digits == 0 {
            return None;
        }
    }
    let mut exponent = 0_i64;
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = bytes.get(at + 1);
        let exponent_start = at + 1 + usize::from(matches!(sign, Some(b'+' | b'-')));
        let mut magnitude = 0_u64;
        at = digits(bytes, exponent_start, &mut magnitude);
        match at - exponent_start {
            0 => return None,
            1..=9 => exponent = magnitude as i64,
            // Out of the fast path's range in any case; the exact path reads the text itself.
            _ => exponent = 1_000_000_000,
        }
        if sign == Some(&b'-') {
            exponent = -exponent;
        }
    }
    let text = bytes.get(..at)?;
    let scale = exponent - fraction_digits as i64;
    let exact = integer_digits + fraction_digits <= MAX_DIGITS && mantissa <= 1 << 53;
    let value = if exact && scale.unsigned_abs() < POWERS.len() as u64 {
        // Clinger's fast path: both operands are exact, so that one rounding gives the nearest double.
        let power = POWERS.get(scale.unsigned_abs() as usize).copied()?;
        let magnitude = if scale < 0 { mantissa as f64 / power } else { mantissa as f64 * power };
        if negative { -magnitude } else { magnitude }
    } else {
        std::str::from_utf8(text).ok()?.parse().ok()?
    };
    Some(Number { text, value: NumberValue::Double(value) })
}

#[inline]
fn integer(negative: bool, magnitude: u64, digits: usize) -> NumberValue {
    if digits > MAX_DIGITS {
        return NumberValue::BigInteger;
    }
    let value = if negative { 0_i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() };
    value.map_or(NumberValue::BigInteger, NumberValue::Integer)
}

/// Adds the digits from `at` on to `value` (which wraps when there are too many) and returns where they end.
#[inline]
fn digits(bytes: &[u8], mut at: usize, value: &mut u64) -> usize {
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        if !is_eight_digits(word) {
            break;
        }
        *value = value.wrapping_mul(100_000_000).wrapping_add(eight_digits(word));
        at += 8;
    }
    while let Some(digit) = bytes.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|&digit| digit < 10) {
        *value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    at
}

#[inline]
fn is_eight_digits(word: u64) -> bool {
    // A digit's high nibble is 3, and stays 3 when 6 is added to it.
    let high = word & 0xf0f0_f0f0_f0f0_f0f0;
    let carried = word.wrapping_add(0x0606_0606_0606_0606) & 0xf0f0_f0f0_f0f0_f0f0;
    high == 0x3030_3030_3030_3030 && carried == 0x3030_3030_3030_3030
}

#[inline]
fn eight_digits(word: u64) -> u64 {
    // Neighbouring digits, then pairs, then fours are joined, all at once.
    let ones = word & 0x0f0f_0f0f_0f0f_0f0f;
    let pairs = ones.wrapping_mul(1 + (10 << 8)) >> 8 & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(1 + (100 << 16)) >> 16 & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(1 + (10_000 << 32)) >> 32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(text: &str) -> Option<NumberValue> {
        scan(text.as_bytes()).filter(|number| number.text.len() == text.len()).map(|number| number.value)
    }

    #[test]
    fn integers_up_to_the_edges_of_int64() {
        assert_eq!(value("0"), Some(NumberValue::Integer(0)));
        assert_eq!(value("-0"), Some(NumberValue::Integer(0)));
        assert_eq!(value("9223372036854775807"), Some(NumberValue::Integer(i64::MAX)));
        assert_eq!(value("-9223372036854775808"), Some(NumberValue::Integer(i64::MIN)));
        assert_eq!(value("9223372036854775808"), Some(NumberValue::BigInteger));
        assert_eq!(value("-9223372036854775809"), Some(NumberValue::BigInteger));
        assert_eq!(value("18446744073709551616"), Some(NumberValue::BigInteger));
        assert_eq!(value("99999999999999999999999999999999999"), Some(NumberValue::BigInteger));
    }

    #[test]
    fn what_json_does_not_call_a_number() {
        for text in
            ["-", "01", "-01", "00", ".5", "1.", "1.e3", "1e", "1e+", "+1", "1.5.5", "1e5.5", "--1", "0x1"]
        {
            assert_eq!(value(text), None, "{text}");
        }
    }

    #[test]
    fn doubles_keep_their_sign_and_their_last_bit() {
        for text in [
            "-0.0",
            "0.1",
            "65000.5",
            "0.25",
            "1e22",
            "1e23",
            "1e-22",
            "4.9e-324",
            "1e-400",
            "1e400",
            "-1e400",
            "1.7976931348623157e308",
            "2.2250738585072011e-308",
            "0.1000000000000000055511151231257827",
            "9007199254740993.0",
            "123456789012345678901234567890.5e-10",
            "0e99999999999999999999",
            "1e-99999999999",
        ] {
            let Some(NumberValue::Double(double)) = value(text) else { panic!("{text}") };
            assert_eq!(double.to_bits(), text.parse::<f64>().unwrap().to_bits(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_int64_is_read_back(number: i64) {
            prop_assert_eq!(value(&number.to_string()), Some(NumberValue::Integer(number)));
        }

        #[test]
        fn any_decimal_is_the_nearest_double(text in "-?(0|[1-9][0-9]{0,24})(\\.[0-9]{1,24})?[eE][+-]?[0-9]{1,3}") {
            let Some(NumberValue::Double(double)) = value(&text) else { panic!("{text}") };
            prop_assert_eq!(double.to_bits(), text.parse::<f64>().unwrap().to_bits());
        }

        #[test]
        fn any_short_decimal_is_the_nearest_double(text in "-?(0|[1-9][0-9]{0,9})\\.[0-9]{1,9}") {
            let Some(NumberValue::Double(double)) = value(&text) else { panic!("{text}") };
            prop_assert_eq!(double.to_bits(), text.parse::<f64>().unwrap().to_bits());
        }
    }
}
