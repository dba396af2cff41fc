/// A double as text, as Java's `Double.toString` writes it: `1.5`, `100.0`, `1.0E10`, `1.0E-7`.
///
/// SYMBOL columns get numbers in this form, so that `1.0` and `1.00` are one symbol, and the one that QuestDB's
/// Kafka connector has always written.
pub fn java_double(value: f64) -> String {
    let short = format!("{value:e}");
    // Java's shortest form has two digits where the shortest would have one.
    java(if short.contains('.') { short } else { format!("{value:.1e}") }, value == 0.0)
}

/// A float as text, as Java's `Float.toString` writes it: `0.1`, where as a double it is `0.10000000149011612`.
pub fn java_float(value: f32) -> String {
    let short = format!("{value:e}");
    java(if short.contains('.') { short } else { format!("{value:.1e}") }, value == 0.0)
}

/// The shortest digits, in Java's notation.
fn java(text: String, is_zero: bool) -> String {
    let Some((mantissa, exponent)) = text.split_once('e') else { return text };
    let Ok(exponent) = exponent.parse::<i32>() else { return text };
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |mantissa| ("-", mantissa));
    let digits = mantissa.replacen('.', "", 1);
    match exponent {
        -3..=-1 => {
            let digits = digits.trim_end_matches('0');
            format!("{sign}0.{}{digits}", "0".repeat((-exponent - 1) as usize))
        }
        0..=6 if !is_zero => {
            let whole = exponent as usize + 1;
            let (whole, fraction) = match digits.split_at_checked(whole) {
                Some((whole, fraction)) => (whole.to_owned(), fraction),
                None => (format!("{digits:0<whole$}"), ""),
            };
            let fraction = fraction.trim_end_matches('0');
            format!("{sign}{whole}.{}", if fraction.is_empty() { "0" } else { fraction })
        }
        _ if is_zero => format!("{sign}0.0"),
        _ => format!("{sign}{mantissa}E{exponent}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{java_double, java_float};

    #[test]
    fn as_java_writes_them() {
        // Printed by Double.toString of JDK 17.
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (-1.5, "-1.5"),
            (100.0, "100.0"),
            (1e10, "1.0E10"),
            (1e-7, "1.0E-7"),
            (0.001, "0.001"),
            (0.0015, "0.0015"),
            (0.000999, "9.99E-4"),
            (0.1, "0.1"),
            (9_999_999.0, "9999999.0"),
            (1e7, "1.0E7"),
            (12_345_678.9, "1.23456789E7"),
            (1e21, "1.0E21"),
            (65_000.5, "65000.5"),
            (4.9e-324, "4.9E-324"),
            (f64::MAX, "1.7976931348623157E308"),
            (2e-3, "0.002"),
            (1_234_567.125, "1234567.125"),
            (5.0, "5.0"),
            (-0.25, "-0.25"),
        ] {
            assert_eq!(java_double(value), text);
        }
    }

    #[test]
    fn floats_are_as_short_as_floats_need() {
        for (value, text) in [
            (0.1, "0.1"),
            (1.5, "1.5"),
            (-0.0, "-0.0"),
            (1e10, "1.0E10"),
            (16_777_216.0, "1.6777216E7"),
            (3.402_823_5e38, "3.4028235E38"),
        ] {
            assert_eq!(java_float(value), text);
        }
    }

    proptest! {
        #[test]
        fn reads_back_the_same(value in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL) {
            prop_assert_eq!(java_double(value).parse::<f64>().unwrap().to_bits(), value.to_bits());
        }
    }
}
