use bytes::{BufMut, Bytes, BytesMut};

use super::ProduceError;

/// A record to be sent, with all that a record can have.
#[derive(Clone, Copy, Debug, Default)]
pub struct OutgoingRecord<'a> {
    /// In milliseconds since 1970-01-01T00:00:00Z.
    pub timestamp_ms: i64,
    /// The key.
    pub key: Option<&'a [u8]>,
    /// The value.
    pub value: Option<&'a [u8]>,
    /// In this order, also where a name comes twice.
    pub headers: &'a [(String, Option<Vec<u8>>)],
}

/// Bytes before those that the batch length counts.
const LOG_OVERHEAD: usize = 12;
/// Where the checksum stands; it covers all that follows it.
const CRC_AT: usize = 17;

/// Encodes records without keys as one uncompressed batch, without a producer id.
///
/// # Errors
/// When there are none, or they are too many or too large for a batch.
pub fn encode_batch(
    values: impl IntoIterator<Item = Bytes>,
    timestamp_ms: i64,
) -> Result<Bytes, ProduceError> {
    let values: Vec<Bytes> = values.into_iter().collect();
    let records: Vec<_> = values
        .iter()
        .map(|value| OutgoingRecord { timestamp_ms, value: Some(value), ..OutgoingRecord::default() })
        .collect();
    encode_records(&records)
}

/// Encodes records as one uncompressed batch of magic 2, without a producer id (Kafka's documentation, "Record Batch").
///
/// # Errors
/// When there are none, or they are too many or too large for a batch.
pub fn encode_records(records: &[OutgoingRecord<'_>]) -> Result<Bytes, ProduceError> {
    let too_large = |_| ProduceError::Protocol("too many or too large records for a batch".to_owned());
    let count = i32::try_from(records.len()).map_err(too_large)?;
    let Some(first) = records.first() else {
        return Err(ProduceError::Protocol("a batch without records".to_owned()));
    };
    let base_timestamp_ms = first.timestamp_ms;
    let max_timestamp_ms = records.iter().map(|record| record.timestamp_ms).max().unwrap_or_default();

    let mut batch = BytesMut::new();
    batch.put_i64(0); // base offset
    batch.put_i32(0); // batch length, see below
    batch.put_i32(-1); // partition leader epoch
    batch.put_i8(2); // magic
    batch.put_u32(0); // crc, see below
    batch.put_i16(0); // attributes: create time, uncompressed
    batch.put_i32(count - 1); // last offset delta
    batch.put_i64(base_timestamp_ms);
    batch.put_i64(max_timestamp_ms);
    batch.put_i64(-1); // producer id
    batch.put_i16(-1); // producer epoch
    batch.put_i32(-1); // base sequence
    batch.put_i32(count);
    let mut body = BytesMut::new();
    for (offset_delta, record) in (0..).zip(records) {
        body.clear();
        body.put_i8(0); // attributes
        // No times are so far apart that this would wrap.
        put_varlong(&mut body, record.timestamp_ms.wrapping_sub(base_timestamp_ms));
        put_varlong(&mut body, offset_delta);
        put_bytes(&mut body, record.key);
        put_bytes(&mut body, record.value);
        put_varlong(&mut body, record.headers.len() as i64);
        for (name, value) in record.headers {
            put_bytes(&mut body, Some(name.as_bytes()));
            put_bytes(&mut body, value.as_deref());
        }
        put_varlong(&mut batch, body.len() as i64);
        batch.put_slice(&body);
    }

    let length = i32::try_from(batch.len() - LOG_OVERHEAD).map_err(too_large)?;
    batch[8..LOG_OVERHEAD].copy_from_slice(&length.to_be_bytes());
    let crc = crc32c::crc32c(&batch[CRC_AT + 4..]);
    batch[CRC_AT..CRC_AT + 4].copy_from_slice(&crc.to_be_bytes());
    Ok(batch.freeze())
}

fn put_bytes(to: &mut BytesMut, bytes: Option<&[u8]>) {
    match bytes {
        None => put_varlong(to, -1),
        Some(bytes) => {
            put_varlong(to, bytes.len() as i64);
            to.put_slice(bytes);
        }
    }
}

/// Zigzag, then seven bits a byte, the lowest first.
fn put_varlong(to: &mut BytesMut, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        to.put_u8(rest as u8 | 0x80);
        rest >>= 7;
    }
    to.put_u8(rest as u8);
}

#[cfg(test)]
mod tests {
    use quafka_protocol::{RecordBatch, Records};

    use super::*;

    #[test]
    fn a_batch_is_read_back_as_it_was() {
        let headers = [
            ("a".to_owned(), Some(vec![0, 0xff])),
            ("a".to_owned(), None),
            (String::new(), Some(Vec::new())),
        ];
        let long = vec![7; 300];
        let records = [
            OutgoingRecord { timestamp_ms: 1_700_000_000_000, key: None, value: None, headers: &[] },
            OutgoingRecord { timestamp_ms: -5, key: Some(b""), value: Some(&long), headers: &headers },
            OutgoingRecord { timestamp_ms: i64::MAX, key: Some(b"\xff"), value: Some(b""), headers: &[] },
        ];
        let bytes = encode_records(&records).unwrap();
        let batch = RecordBatch::parse(&bytes, usize::MAX).unwrap();
        assert_eq!((batch.header.producer_id, batch.header.record_count), (-1, 3));
        let read: Vec<_> = Records::new(&batch.header, batch.records).map(Result::unwrap).collect();
        assert_eq!(read.len(), records.len());
        for (read, record) in read.iter().zip(records) {
            assert_eq!((read.key, read.value), (record.key, record.value));
            assert_eq!(read.timestamp_ms, record.timestamp_ms);
            let headers: Vec<_> = read.headers.clone().collect();
            let expected: Vec<_> =
                record.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
            assert_eq!(headers, expected);
        }
        assert!(encode_records(&[]).is_err());
    }
}
