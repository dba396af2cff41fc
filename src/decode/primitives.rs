//! The payloads of Kafka's serializers of numbers and booleans: big endian, of one length each.

use super::{PayloadError, Value};

/// Reads such a payload.
pub(super) type Read = fn(&[u8]) -> Result<Value, PayloadError>;

pub(super) fn short(bytes: &[u8]) -> Result<Value, PayloadError> {
    Ok(Value::Integer(i16::from_be_bytes(exactly(bytes)?).into()))
}

pub(super) fn integer(bytes: &[u8]) -> Result<Value, PayloadError> {
    Ok(Value::Integer(i32::from_be_bytes(exactly(bytes)?).into()))
}

pub(super) fn long(bytes: &[u8]) -> Result<Value, PayloadError> {
    Ok(Value::Integer(i64::from_be_bytes(exactly(bytes)?)))
}

pub(super) fn float(bytes: &[u8]) -> Result<Value, PayloadError> {
    Ok(Value::Float(f32::from_be_bytes(exactly(bytes)?)))
}

pub(super) fn double(bytes: &[u8]) -> Result<Value, PayloadError> {
    Ok(Value::double(f64::from_be_bytes(exactly(bytes)?)))
}

pub(super) fn boolean(bytes: &[u8]) -> Result<Value, PayloadError> {
    match exactly(bytes)? {
        [0] => Ok(Value::Boolean(false)),
        [1] => Ok(Value::Boolean(true)),
        [other] => Err(PayloadError::invalid(format!("its byte is {other}, neither 0 nor 1"))),
    }
}

fn exactly<const LENGTH: usize>(bytes: &[u8]) -> Result<[u8; LENGTH], PayloadError> {
    bytes.try_into().map_err(|_| {
        PayloadError::invalid(format!("it has {} byte(s), and this format has {LENGTH}", bytes.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_kafkas_serializers_write_them() {
        let read = |read: Read, bytes: &[u8]| read(bytes).unwrap();
        assert_eq!(read(short, &[0xff, 0xfb]), Value::Integer(-5));
        assert_eq!(read(integer, &[0, 0, 0, 42]), Value::Integer(42));
        assert_eq!(read(long, &[0x80, 0, 0, 0, 0, 0, 0, 0]), Value::Integer(i64::MIN));
        assert_eq!(read(float, &0.1_f32.to_be_bytes()), Value::Float(0.1));
        assert_eq!(read(double, &(-0.0_f64).to_be_bytes()), Value::double(-0.0));
        assert_eq!(read(boolean, &[1]), Value::Boolean(true));
        assert_eq!(read(boolean, &[0]), Value::Boolean(false));
    }

    #[test]
    fn another_length_is_refused() {
        for read in [short as Read, integer, long, float, double, boolean] {
            for bytes in [&b""[..], b"123", b"123456789"] {
                assert!(read(bytes).is_err(), "{read:?}");
            }
        }
        assert!(boolean(&[2]).is_err());
        let error = long(&[0; 4]).unwrap_err().to_string();
        assert_eq!(error, "it has 4 byte(s), and this format has 8");
    }
}
