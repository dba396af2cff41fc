use super::{PayloadError, Value};

/// The payloads of Kafka's serializers of numbers and booleans: big endian, of one length each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Primitive {
    Short,
    Integer,
    Long,
    Float,
    Double,
    Boolean,
}

impl Primitive {
    pub(super) fn read(self, bytes: &[u8]) -> Result<Value, PayloadError> {
        Ok(match self {
            Self::Short => Value::Integer(i16::from_be_bytes(self.exactly(bytes)?).into()),
            Self::Integer => Value::Integer(i32::from_be_bytes(self.exactly(bytes)?).into()),
            Self::Long => Value::Integer(i64::from_be_bytes(self.exactly(bytes)?)),
            Self::Float => Value::Float(f32::from_be_bytes(self.exactly(bytes)?)),
            Self::Double => Value::double(f64::from_be_bytes(self.exactly(bytes)?)),
            Self::Boolean => match self.exactly(bytes)? {
                [0] => Value::Boolean(false),
                [1] => Value::Boolean(true),
                [other] => {
                    return Err(PayloadError::invalid(format!("its byte is {other}, neither 0 nor 1")));
                }
            },
        })
    }

    fn exactly<const LENGTH: usize>(self, bytes: &[u8]) -> Result<[u8; LENGTH], PayloadError> {
        bytes.try_into().map_err(|_| {
            PayloadError::invalid(format!("it has {} bytes, and {self:?} has {LENGTH}", bytes.len()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_kafkas_serializers_write_them() {
        let read = |primitive: Primitive, bytes: &[u8]| primitive.read(bytes).unwrap();
        assert_eq!(read(Primitive::Short, &[0xff, 0xfb]), Value::Integer(-5));
        assert_eq!(read(Primitive::Integer, &[0, 0, 0, 42]), Value::Integer(42));
        assert_eq!(read(Primitive::Long, &[0x80, 0, 0, 0, 0, 0, 0, 0]), Value::Integer(i64::MIN));
        assert_eq!(read(Primitive::Float, &0.1_f32.to_be_bytes()), Value::Float(0.1));
        assert_eq!(read(Primitive::Double, &(-0.0_f64).to_be_bytes()), Value::double(-0.0));
        assert_eq!(read(Primitive::Boolean, &[1]), Value::Boolean(true));
        assert_eq!(read(Primitive::Boolean, &[0]), Value::Boolean(false));
    }

    #[test]
    fn another_length_is_refused() {
        for primitive in [
            Primitive::Short,
            Primitive::Integer,
            Primitive::Long,
            Primitive::Float,
            Primitive::Double,
            Primitive::Boolean,
        ] {
            for bytes in [&b""[..], b"123", b"123456789"] {
                assert!(primitive.read(bytes).is_err(), "{primitive:?}");
            }
        }
        assert!(Primitive::Boolean.read(&[2]).is_err());
        let error = Primitive::Long.read(&[0; 4]).unwrap_err().to_string();
        assert_eq!(error, "it has 4 bytes, and Long has 8");
    }
}
