//! Texts for columns whose values QuestDB reads from texts: what it takes, in the form in which it takes it.

use std::net::Ipv4Addr;

use crate::rows::Literal;

/// The text to write for a value. Err: what is wrong with it, to come after the value.
pub(super) fn checked(literal: Literal, text: &str) -> Result<String, String> {
    match literal {
        Literal::Uuid => uuid(text),
        Literal::Ipv4 => ipv4(text),
        Literal::Char => char(text),
        Literal::Long256 => long256(text),
        Literal::Geohash { bits } => geohash(text, bits),
        Literal::Decimal { precision, scale } => decimal(text, precision, scale),
    }
}

fn uuid(text: &str) -> Result<String, String> {
    let is_hyphen = |index| matches!(index, 8 | 13 | 18 | 23);
    let right = |(index, byte): (usize, u8)| {
        if is_hyphen(index) { byte == b'-' } else { byte.is_ascii_hexdigit() }
    };
    if text.len() != 36 || !text.bytes().enumerate().all(right) {
        return Err("is none; send 32 hexadecimal digits in five groups, such as \
                    123e4567-e89b-12d3-a456-426614174000"
            .to_owned());
    }
    if text == "80000000-0000-0000-8000-000000000000" {
        return Err("is the one that QuestDB reads as null; send another one, or null".to_owned());
    }
    Ok(text.to_owned())
}

/// An empty text and 0.0.0.0 are QuestDB's own words for null.
fn ipv4(text: &str) -> Result<String, String> {
    if text.is_empty() || text.parse::<Ipv4Addr>().is_ok() {
        return Ok(text.to_owned());
    }
    Err("is none; send four numbers from 0 to 255, such as 192.168.0.1".to_owned())
}

fn char(text: &str) -> Result<String, String> {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(one @ '\u{1}'..='\u{7f}'), None) => Ok(one.to_string()),
        (Some(_), None) => {
            Err("is no ASCII character, and QuestDB's ingestion takes no others into a CHAR; change \
                                the column to VARCHAR"
                .to_owned())
        }
        _ => Err("is not one character; change the column to VARCHAR, or send one".to_owned()),
    }
}

fn long256(text: &str) -> Result<String, String> {
    let digits = text.strip_prefix("0x").unwrap_or_default();
    if !(1..=64).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err("is none; send 0x and up to 64 hexadecimal digits".to_owned());
    }
    if digits == "8000000000000000".repeat(4) {
        return Err("is the one that QuestDB reads as null; send another one, or null".to_owned());
    }
    // QuestDB wants whole bytes.
    Ok(format!("0x{}{digits}", if digits.len() % 2 == 1 { "0" } else { "" }))
}

fn geohash(text: &str, bits: u8) -> Result<String, String> {
    let needed = usize::from(bits.div_ceil(5));
    let valid = |byte: u8| {
        byte.is_ascii_alphanumeric() && !matches!(byte.to_ascii_lowercase(), b'a' | b'i' | b'l' | b'o')
    };
    if !text.bytes().all(valid) || text.is_empty() {
        return Err("is none; send a geohash in base 32, such as u33d8b12".to_owned());
    }
    // A longer one is more precise than the column, like a nanosecond in a TIMESTAMP.
    text.get(..needed).map(str::to_owned).ok_or_else(|| {
        format!(
            "has {} characters, and the column needs {needed}; send it more precisely, or make the column less precise",
            text.len()
        )
    })
}

/// The number with a point and without an exponent.
fn decimal(text: &str, precision: u8, scale: u8) -> Result<String, String> {
    let no_number = || "is no decimal number; send one such as 12.34".to_owned();
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| no_number())?),
        None => (text, 0),
    };
    let (negative, digits) = match mantissa.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let digits = [whole, fraction].concat();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(no_number());
    }
    // The number is `digits`, with the point after so many of them; that may be none of them, or more than there are.
    let point = whole.len() as i64 + i64::from(exponent);
    let zeros = digits.len() - digits.trim_start_matches('0').len();
    let digits = digits.trim_matches('0');
    if digits.is_empty() {
        return Ok("0".to_owned());
    }
    let point = point - zeros as i64;
    let behind = digits.len() as i64 - point;
    if behind > i64::from(scale) {
        return Err(format!(
            "has {behind} digits behind the point, and the column has {scale}; round it, or change the column's type"
        ));
    }
    let before = i64::from(precision) - i64::from(scale);
    if point > before {
        return Err(format!(
            "has {point} digits before the point, and the column has room for {before}; change the column's type"
        ));
    }
    // Both sides of the point are within the column's 76 digits now.
    let mut out = if negative { "-".to_owned() } else { String::new() };
    match usize::try_from(point) {
        Ok(point) if point > 0 => {
            let whole = digits.get(..point).unwrap_or(digits);
            out.push_str(whole);
            out.extend(std::iter::repeat_n('0', point - whole.len()));
        }
        _ => out.push('0'),
    }
    if behind > 0 {
        out.push('.');
        out.extend(std::iter::repeat_n('0', usize::try_from(-point).unwrap_or(0)));
        out.push_str(digits.get(usize::try_from(point).unwrap_or(0)..).unwrap_or_default());
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(literal: Literal, text: &str) -> Option<String> {
        checked(literal, text).ok()
    }

    #[test]
    fn ids_addresses_and_characters() {
        let id = "AD956a45-a55b-441e-b80d-023a2bf5d041";
        assert_eq!(written(Literal::Uuid, id).as_deref(), Some(id));
        for text in ["", "x", "ad956a45a55b441eb80d023a2bf5d041", "80000000-0000-0000-8000-000000000000"] {
            assert_eq!(written(Literal::Uuid, text), None, "{text}");
        }
        assert_eq!(written(Literal::Ipv4, "192.168.1.1").as_deref(), Some("192.168.1.1"));
        for text in ["str", "123", "1.2.3.4.5", "1.2.3.256", "1.2.3.4 ", "01.2.3.4"] {
            assert_eq!(written(Literal::Ipv4, text), None, "{text}");
        }
        assert_eq!(written(Literal::Char, "c").as_deref(), Some("c"));
        for text in ["", "str", "é", "\0"] {
            assert_eq!(written(Literal::Char, text), None, "{text}");
        }
    }

    #[test]
    fn numbers_of_256_bits() {
        assert_eq!(written(Literal::Long256, "0x1234").as_deref(), Some("0x1234"));
        assert_eq!(written(Literal::Long256, "0x123").as_deref(), Some("0x0123"));
        let longest = format!("0x{}", "f".repeat(64));
        assert_eq!(written(Literal::Long256, &longest).as_deref(), Some(longest.as_str()));
        let null = format!("0x{}", "8000000000000000".repeat(4));
        for text in ["", "0x", "123", "0xzz", &format!("{longest}f"), &null] {
            assert_eq!(written(Literal::Long256, text), None, "{text}");
        }
    }

    #[test]
    fn geohashes_are_cut_to_the_column_s_precision() {
        let of = |bits, text| written(Literal::Geohash { bits }, text);
        assert_eq!(of(40, "u33d8b12").as_deref(), Some("u33d8b12"));
        assert_eq!(of(40, "U33D8B121").as_deref(), Some("U33D8B12"));
        assert_eq!(of(7, "u33").as_deref(), Some("u3"));
        for text in ["", "u33d", "u33d8b1a", "u33d8b1é", "#u33d8b12"] {
            assert_eq!(of(40, text), None, "{text}");
        }
    }

    #[test]
    fn decimals_lose_nothing() {
        let of = |text| written(Literal::Decimal { precision: 10, scale: 2 }, text);
        for (text, expected) in [
            ("12.34", "12.34"),
            ("12.3400", "12.34"),
            ("-0.5", "-0.5"),
            ("5.", "5"),
            (".5", "0.5"),
            ("+1", "1"),
            ("1e3", "1000"),
            ("1.5E-1", "0.15"),
            ("00012", "12"),
            ("100", "100"),
            ("0.05", "0.05"),
            ("-0", "0"),
            ("0e400", "0"),
            ("99999999.99", "99999999.99"),
            ("1234567e1", "12345670"),
        ] {
            assert_eq!(of(text).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "",
            "-",
            ".",
            "str",
            "1.505",
            "1e-3",
            "100000000",
            "1e10",
            "1e400",
            "1e99999999999",
            "NaN",
            " 1",
            "1_0",
            "1d",
            "١",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
        assert_eq!(written(Literal::Decimal { precision: 2, scale: 2 }, "0.25").as_deref(), Some("0.25"));
        assert_eq!(written(Literal::Decimal { precision: 2, scale: 2 }, "1"), None);
    }

    proptest! {
        #[test]
        fn decimals_keep_their_worth(number in -9_999_999_999_i64..9_999_999_999, shift in 0_usize..12) {
            // The same number, with zeros that an exponent takes back.
            let text = format!("{number}{}e-{}", "0".repeat(shift), shift + 2);
            let written = written(Literal::Decimal { precision: 10, scale: 2 }, &text).unwrap();
            let (whole, fraction) = written.split_once('.').unwrap_or((&written, ""));
            let back: i64 = format!("{whole}{fraction:0<2}").parse().unwrap();
            prop_assert_eq!(back, number, "{} became {}", text, written);
        }

        #[test]
        fn no_text_is_too_odd(text: String, number in "[-+0-9.eE]{0,20}") {
            for literal in [
                Literal::Uuid,
                Literal::Ipv4,
                Literal::Char,
                Literal::Long256,
                Literal::Geohash { bits: 7 },
                Literal::Decimal { precision: 76, scale: 38 },
            ] {
                let _ = (checked(literal, &text), checked(literal, &number));
            }
        }
    }
}
