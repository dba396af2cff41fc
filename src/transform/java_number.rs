//! Numbers in texts, as Java's classes parse them.

/// `Double.parseDouble`, without its hexadecimal notation.
pub(super) fn parse_double(text: &str) -> Option<f64> {
    decimal(text)?.parse().ok()
}

/// `Float.parseFloat`. Not by way of a double: that would round twice.
pub(super) fn parse_float(text: &str) -> Option<f32> {
    decimal(text)?.parse().ok()
}

/// What Rust takes for the same number: no white space around it, no `d` or `f` behind it.
fn decimal(text: &str) -> Option<&str> {
    let text = text.trim_matches(|c: char| c <= ' ');
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, "NaN" | "Infinity") {
        return Some(text);
    }
    let number = text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text);
    let plain = number.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    plain.then_some(number)
}

/// `Long.parseLong`: digits, and a sign before them.
pub(super) fn parse_long(text: &str) -> Option<i64> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_java_parses_them() {
        for (text, value) in
            [("1.5", 1.5), (" 1 ", 1.0), ("1d", 1.0), ("-.5f", -0.5), ("1e3", 1e3), ("+7", 7.0), ("1.", 1.0)]
        {
            assert_eq!(parse_double(text), Some(value), "{text}");
        }
        assert_eq!(parse_double("-Infinity"), Some(f64::NEG_INFINITY));
        assert!(parse_double("NaN").unwrap().is_nan());
        for text in ["", "x", "inf", "nan", "infinity", "1 2", "e5", "--1"] {
            assert_eq!(parse_double(text), None, "{text}");
        }
        assert_eq!(parse_float("0.1"), Some(0.1));
        assert_eq!(parse_long("+5"), Some(5));
        assert_eq!(parse_long("5.0"), None);
        assert_eq!(parse_long("9223372036854775808"), None);
    }
}
