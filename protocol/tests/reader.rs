//! The primitives, with absurd sizes: every length and count is checked where it is read.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;
use quafka_protocol::DecodeErrorKind::*;
use quafka_protocol::{DecodeError, Reader};

fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

fn varint_bytes(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

proptest! {
    #[test]
    fn varints_are_read_as_they_were_written(value in any::<i64>(), shift in 0..64_u32, rest in 0..3_usize) {
        // Shifted, so that all lengths are as likely.
        let long = value >> shift;
        let mut bytes = varint_bytes(zigzag(long));
        let length = bytes.len();
        bytes.resize(length + rest, 0xff);
        let mut reader = Reader::new(&bytes);
        prop_assert_eq!(reader.varlong(), Ok(long));
        prop_assert_eq!(reader.offset(), length);

        let int = (value >> shift) as i32;
        let bytes = varint_bytes(zigzag(i64::from(int)));
        prop_assert_eq!(Reader::new(&bytes).varint(), Ok(int));
        let bytes = varint_bytes(u64::from(int as u32));
        prop_assert_eq!(Reader::new(&bytes).unsigned_varint(), Ok(int as u32));
        for end in 0..bytes.len() {
            let mut reader = Reader::new(&bytes[..end]);
            let error = DecodeError { kind: UnexpectedEnd { needed: end + 1, remaining: end }, offset: 0 };
            prop_assert_eq!(reader.unsigned_varint(), Err(error));
            prop_assert_eq!(reader.remaining().len(), end, "nothing is consumed");
        }
    }

    #[test]
    fn what_does_not_fit_32_bits_is_refused(value in u64::from(u32::MAX) + 1..) {
        let bytes = varint_bytes(value);
        let error = DecodeError { kind: VarintTooLong, offset: 0 };
        prop_assert_eq!(Reader::new(&bytes).unsigned_varint(), Err(error));
        prop_assert_eq!(Reader::new(&bytes).varint(), Err(error));
    }
}

#[test]
fn varints_have_an_end() {
    let too_long = DecodeError { kind: VarintTooLong, offset: 0 };
    assert_eq!(Reader::new(&[0xff; 11]).varlong(), Err(too_long));
    // Ten bytes hold 70 bits; 64 may be set.
    let mut bytes = [0xff; 10];
    bytes[9] = 1;
    assert_eq!(Reader::new(&bytes).varlong(), Ok(i64::MIN));
    bytes[9] = 2;
    assert_eq!(Reader::new(&bytes).varlong(), Err(too_long));
    // Longer than need be, but right.
    assert_eq!(Reader::new(&[0x82, 0x80, 0x80, 0x80, 0x00]).varint(), Ok(1));
    assert_eq!(Reader::new(&[0x82, 0x80, 0x80, 0x80, 0x80, 0x00]).varint(), Err(too_long));
}

#[test]
fn lengths_are_checked_before_they_are_used() {
    let kind = |error: DecodeError| (error.kind, error.offset);
    // INT32 lengths.
    for (length, expected) in [
        (i32::MAX, (UnexpectedEnd { needed: 2_147_483_647, remaining: 1 }, 4)),
        (2, (UnexpectedEnd { needed: 2, remaining: 1 }, 4)),
        (-1, (UnexpectedNull, 0)),
        (-2, (NegativeLength { length: -2 }, 0)),
        (i32::MIN, (NegativeLength { length: i32::MIN }, 0)),
    ] {
        let bytes = [&length.to_be_bytes()[..], &[7]].concat();
        assert_eq!(Reader::new(&bytes).bytes(false).map_err(kind), Err(expected));
    }
    // INT16 lengths.
    for (length, expected) in [
        (i16::MAX, (UnexpectedEnd { needed: 32_767, remaining: 1 }, 2)),
        (-1, (UnexpectedNull, 0)),
        (i16::MIN, (NegativeLength { length: -32_768 }, 0)),
    ] {
        let bytes = [&length.to_be_bytes()[..], b"x"].concat();
        assert_eq!(Reader::new(&bytes).string(false).map_err(kind), Err(expected));
    }
    // Compact lengths: plus one, zero is null.
    assert_eq!(Reader::new(&[0]).string(true).map_err(kind), Err((UnexpectedNull, 0)));
    assert_eq!(Reader::new(&[0]).nullable_bytes(true), Ok(None));
    assert_eq!(Reader::new(&[1]).string(true), Ok(""));
    assert_eq!(Reader::new(&[2, b'x']).nullable_string(true), Ok(Some("x")));
    let most = [0xff, 0xff, 0xff, 0xff, 0x0f];
    let expected = (UnexpectedEnd { needed: 4_294_967_294, remaining: 0 }, 5);
    assert_eq!(Reader::new(&most).bytes(true).map_err(kind), Err(expected));
}

#[test]
fn counts_are_checked_before_an_element_is_decoded() {
    let never = |_: &mut Reader<'_>| -> Result<(), DecodeError> { panic!("no element may be decoded") };
    for count in [i32::MAX, 100_001, 4] {
        let bytes = [&count.to_be_bytes()[..], &[0; 11]].concat();
        let error = Reader::new(&bytes).array(false, 3, never).unwrap_err();
        let count = usize::try_from(count).unwrap();
        assert_eq!((error.kind, error.offset), (CountTooLarge { count, remaining: 11 }, 0));
    }
    let bytes = [&3_i32.to_be_bytes()[..], &[1, 2, 3]].concat();
    assert_eq!(Reader::new(&bytes).array(false, 1, Reader::i8), Ok(vec![1, 2, 3]));
    assert_eq!(Reader::new(&[0xff; 4]).nullable_array(false, 1, Reader::i8), Ok(None));
    assert_eq!(Reader::new(&[0xff; 4]).array(false, 1, Reader::i8).unwrap_err().kind, UnexpectedNull);
    assert_eq!(Reader::new(&[4, 1, 2, 3]).array(true, 1, Reader::i8), Ok(vec![1, 2, 3]));
}

#[test]
fn tagged_fields_are_skipped_and_bounded() {
    let mut reader = Reader::new(&[2, 0, 3, b'a', b'b', b'c', 0x80, 1, 0, 42]);
    reader.skip_tagged_fields(true).unwrap();
    assert_eq!(reader.remaining(), [42]);
    reader.skip_tagged_fields(false).unwrap();
    assert_eq!(reader.remaining(), [42]);

    let error = Reader::new(&[0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0]).skip_tagged_fields(true).unwrap_err();
    assert_eq!(error.kind, CountTooLarge { count: 4_294_967_295, remaining: 2 });
    let error = Reader::new(&[1, 0, 2, 0]).skip_tagged_fields(true).unwrap_err();
    assert_eq!((error.kind, error.offset), (UnexpectedEnd { needed: 2, remaining: 1 }, 3));
}

#[test]
fn errors_say_where() {
    let error = Reader::new(b"\0\x03a\xffb").string(false).unwrap_err();
    assert_eq!(error.to_string(), "invalid UTF-8, at byte 3");
    let mut reader = Reader::new(&[0; 10]);
    reader.take(3).unwrap();
    let mut inner = reader.take_reader(4).unwrap();
    inner.i16().unwrap();
    let error = inner.i32().unwrap_err();
    assert_eq!(error.to_string(), "unexpected end: 4 bytes needed, 2 left, at byte 5");
    assert_eq!(reader.finish().unwrap_err().to_string(), "3 bytes too many, at byte 7");
}

#[test]
fn fixed_sizes() {
    let bytes: Vec<u8> = (1..=16).collect();
    assert_eq!(Reader::new(&bytes).i16(), Ok(0x0102));
    assert_eq!(Reader::new(&bytes).i32(), Ok(0x0102_0304));
    assert_eq!(Reader::new(&bytes).u32(), Ok(0x0102_0304));
    assert_eq!(Reader::new(&bytes).i64(), Ok(0x0102_0304_0506_0708));
    assert_eq!(Reader::new(&bytes).uuid().unwrap(), bytes[..]);
    assert_eq!(Reader::new(&[0xff]).i8(), Ok(-1));
    assert_eq!(Reader::new(&[2]).bool(), Ok(true));
    assert_eq!(
        Reader::new(&bytes[1..]).uuid().unwrap_err().kind,
        UnexpectedEnd { needed: 16, remaining: 15 }
    );
}
