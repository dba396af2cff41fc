//! Texts of [`Literal`] types as QWP's binary values.

use std::net::Ipv4Addr;

use crate::rows::Literal;

/// Values of a type that QWP has a binary form for. A text that is empty is a placeholder for null.
#[derive(Debug, PartialEq)]
pub(super) enum Typed {
    /// In the order of RFC 4122, big endian.
    Uuid(Vec<[u8; 16]>),
    Ipv4(Vec<u32>),
    /// Little endian.
    Long256(Vec<[u8; 32]>),
    /// Unscaled values in two's complement, little endian.
    Decimal {
        scale: u8,
        values: Vec<[u8; 32]>,
    },
}

impl Typed {
    /// None: QWP takes the type as texts.
    pub(super) fn of(literal: Literal) -> Option<Self> {
        match literal {
            Literal::Uuid => Some(Self::Uuid(Vec::new())),
            Literal::Ipv4 => Some(Self::Ipv4(Vec::new())),
            Literal::Long256 => Some(Self::Long256(Vec::new())),
            Literal::Decimal { scale, .. } => Some(Self::Decimal { scale, values: Vec::new() }),
            Literal::Char | Literal::Geohash { .. } => None,
        }
    }

    /// Appends the value of a text that mapping has checked.
    pub(super) fn push(&mut self, text: &str) {
        match self {
            Self::Uuid(values) => {
                values.push(uuid::Uuid::try_parse(text).unwrap_or_default().into_bytes());
            }
            Self::Ipv4(values) => values.push(text.parse().unwrap_or(Ipv4Addr::UNSPECIFIED).to_bits()),
            Self::Long256(values) => {
                let mut value = [0; 32];
                for digit in text.bytes().skip(2).filter_map(|digit| (digit as char).to_digit(16)) {
                    multiply_add(&mut value, 16, digit);
                }
                values.push(value);
            }
            Self::Decimal { scale, values } => values.push(unscaled(text, *scale)),
        }
    }
}

/// A decimal as so many of its last digits, that is as an integer.
fn unscaled(text: &str, scale: u8) -> [u8; 32] {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let zeros = std::iter::repeat_n(b'0', usize::from(scale).saturating_sub(fraction.len()));
    let mut value = [0; 32];
    for digit in whole.bytes().chain(fraction.bytes()).chain(zeros) {
        multiply_add(&mut value, 10, u32::from(digit.saturating_sub(b'0')));
    }
    if negative {
        value.iter_mut().for_each(|byte| *byte = !*byte);
        multiply_add(&mut value, 1, 1);
    }
    value
}

/// Multiplies a little endian number and adds to it.
fn multiply_add(value: &mut [u8; 32], factor: u32, summand: u32) {
    let mut carry = summand;
    for byte in value {
        carry += u32::from(*byte) * factor;
        *byte = carry as u8;
        carry >>= 8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(literal: Literal, text: &str) -> Typed {
        let mut typed = Typed::of(literal).unwrap();
        typed.push(text);
        typed
    }

    fn decimal(text: &str) -> i128 {
        let Typed::Decimal { scale: 2, values } = typed(Literal::Decimal { precision: 38, scale: 2 }, text)
        else {
            panic!()
        };
        let (low, high) = values[0].split_at(16);
        let value = i128::from_le_bytes(low.try_into().unwrap());
        assert!(high.iter().all(|&byte| byte == if value < 0 { 0xff } else { 0 }), "{text}: {values:?}");
        value
    }

    #[test]
    fn decimals_are_integers_of_their_last_digit() {
        assert_eq!(decimal("1.50"), 150);
        assert_eq!(decimal("1.5"), 150);
        assert_eq!(decimal("-0.01"), -1);
        assert_eq!(decimal("0"), 0);
        assert_eq!(decimal("-12345678901234567890123.4"), -1_234_567_890_123_456_789_012_340);
    }

    #[test]
    fn numbers_of_256_bits_are_little_endian() {
        let Typed::Long256(values) = typed(Literal::Long256, "0x0102ff") else { panic!() };
        assert_eq!(values[0][..4], [0xff, 2, 1, 0]);
        let Typed::Long256(values) = typed(Literal::Long256, &format!("0x{}", "f".repeat(64))) else {
            panic!()
        };
        assert_eq!(values[0], [0xff; 32]);
    }

    #[test]
    fn addresses_and_ids() {
        assert_eq!(typed(Literal::Ipv4, "1.2.3.4"), Typed::Ipv4(vec![0x0102_0304]));
        let id = "01020304-0506-0708-090a-0b0c0d0e0f10";
        let expected: Vec<u8> = (1..=16).collect();
        assert_eq!(typed(Literal::Uuid, id), Typed::Uuid(vec![expected.try_into().unwrap()]));
    }
}
