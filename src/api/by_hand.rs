use bytes::BufMut;

/// Writes Kafka's types as they were before the compact ones of KIP-482: for responses so old that `kafka-protocol` has
/// dropped them. They are described in the protocol guide, "Protocol Primitive Types".
pub(super) trait PutKafka: BufMut {
    /// STRING. What is longer than its length field can say is cut.
    fn put_string(&mut self, text: &str) {
        let mut end = text.len().min(i16::MAX as usize);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.put_i16(end as i16);
        self.put_slice(&text.as_bytes()[..end]);
    }

    /// NULLABLE_STRING.
    fn put_nullable_string(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.put_string(text),
            None => self.put_i16(-1),
        }
    }

    /// BOOLEAN.
    fn put_bool(&mut self, value: bool) {
        self.put_u8(u8::from(value));
    }

    /// ARRAY.
    fn put_array<T>(&mut self, items: &[T], mut put: impl FnMut(&mut Self, &T)) {
        self.put_i32(items.len() as i32);
        for item in items {
            put(self, item);
        }
    }
}

impl<B: BufMut> PutKafka for B {}

#[cfg(test)]
mod tests {
    use super::PutKafka;

    #[test]
    fn a_text_that_is_too_long_is_cut_between_characters() {
        let mut out = Vec::new();
        out.put_string(&"ä".repeat(20_000));
        // 32,767 is odd, and each character takes two bytes.
        assert_eq!((&out[..2], out.len()), (&[0x7f, 0xfe][..], 2 + 32_766));
    }
}
