//! Numbers of seven bits a byte, the least significant first, as Avro and Protobuf write them.

/// Why there is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoVarint {
    /// The bytes end before it does.
    End,
    /// It has more than 64 bits.
    Long,
}

/// The number that the bytes begin with, and how many of them it takes.
#[inline]
pub(super) fn varint(bytes: &[u8]) -> Result<(u64, usize), NoVarint> {
    let mut value = 0_u64;
    for (index, &byte) in bytes.iter().take(10).enumerate() {
        // Of the tenth byte only one bit is left.
        if index == 9 && byte > 1 {
            return Err(NoVarint::Long);
        }
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            return Ok((value, index + 1));
        }
    }
    Err(NoVarint::End)
}

/// The signed number that is written as this one.
#[inline]
pub(super) fn zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}
