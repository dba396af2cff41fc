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
#[inline(always)]
pub(super) fn varint(bytes: &[u8]) -> Result<(u64, usize), NoVarint> {
    if let Some(&word) = bytes.first_chunk() {
        let word = u64::from_le_bytes(word);
        let ends = !word & 0x8080_8080_8080_8080;
        if ends != 0 {
            let length = ends.trailing_zeros() as usize / 8 + 1;
            return Ok((of_sevens(word & (ends ^ (ends - 1))), length));
        }
    }
    byte_by_byte(bytes)
}

/// Puts the low seven bits of eight bytes beside each other.
#[inline(always)]
fn of_sevens(word: u64) -> u64 {
    let by_2 = (word & 0x007f_007f_007f_007f) | (word & 0x7f00_7f00_7f00_7f00) >> 1;
    let by_4 = (by_2 & 0x0000_3fff_0000_3fff) | (by_2 & 0x3fff_0000_3fff_0000) >> 2;
    (by_4 & 0x0fff_ffff) | (by_4 & 0x0fff_ffff_0000_0000) >> 4
}

/// Where a number has nine bytes or ten, and near the end of the bytes.
#[inline(never)]
fn byte_by_byte(bytes: &[u8]) -> Result<(u64, usize), NoVarint> {
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
#[inline(always)]
pub(super) fn zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::test_numbers::Numbers;

    #[test]
    fn eight_bytes_at_once_are_what_they_are_one_by_one() {
        let mut numbers = Numbers(1);
        for round in 0..20_000_u32 {
            let mut bytes = [0_u8; 12];
            bytes[..8].copy_from_slice(&numbers.next().to_le_bytes());
            bytes[8..].copy_from_slice(&numbers.next().to_le_bytes()[..4]);
            // Ever more of them go on.
            for byte in bytes.iter_mut().take(round as usize % 12) {
                *byte |= 0x80;
            }
            assert_eq!(varint(&bytes), byte_by_byte(&bytes), "{bytes:x?}");
            let short = &bytes[..round as usize % 13];
            assert_eq!(varint(short), byte_by_byte(short), "{short:x?}");
        }
    }
}
