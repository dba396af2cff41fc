//! One batch in a segment. All numbers are little-endian.
//!
//! | bytes | |
//! |---|---|
//! | 4 | length of what follows the checksum |
//! | 4 | CRC-32C of that |
//! | 8 | the entry's number: one more than the entry's before it |
//! | 8 | when the batch arrived, in milliseconds since 1970 |
//! | 8 | its first record's offset |
//! | 4 | its partition |
//! | 2 | length of the topic's name |
//! | … | the topic's name |
//! | … | the record batch, as it was sent |

/// Length and checksum.
pub(super) const PREFIX_BYTES: usize = 8;
/// What stands before the topic's name, after the prefix.
const FIXED_BYTES: usize = 30;
/// Longer names are not Kafka's.
const MAX_TOPIC_BYTES: usize = 249;
/// With so many bytes of an entry its head can be read.
pub(super) const HEAD_BYTES: usize = PREFIX_BYTES + FIXED_BYTES + MAX_TOPIC_BYTES;

/// What stands before the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryHead {
    /// Its place in the spool.
    pub number: u64,
    /// When the batch arrived, in milliseconds since 1970.
    pub arrival_ms: i64,
    /// The offset of its first record.
    pub base_offset: i64,
    /// Where the batch was sent to.
    pub topic: String,
    /// Likewise.
    pub partition: i32,
}

/// A batch that waits for QuestDB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// What is known of it.
    pub head: EntryHead,
    /// The record batch as it was sent.
    pub batch: &'a [u8],
}

/// How many bytes such an entry takes.
pub(super) fn entry_bytes(topic: &str, batch: &[u8]) -> usize {
    PREFIX_BYTES + FIXED_BYTES + topic.len() + batch.len()
}

impl Entry<'_> {
    pub(super) fn append_to(&self, bytes: &mut Vec<u8>) {
        let Self { head, batch } = self;
        let begin = bytes.len();
        bytes.extend_from_slice(&((FIXED_BYTES + head.topic.len() + batch.len()) as u32).to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&head.number.to_le_bytes());
        bytes.extend_from_slice(&head.arrival_ms.to_le_bytes());
        bytes.extend_from_slice(&head.base_offset.to_le_bytes());
        bytes.extend_from_slice(&head.partition.to_le_bytes());
        bytes.extend_from_slice(&(head.topic.len() as u16).to_le_bytes());
        bytes.extend_from_slice(head.topic.as_bytes());
        bytes.extend_from_slice(batch);
        let checksum = crc32c::crc32c(&bytes[begin + PREFIX_BYTES..]);
        bytes[begin + 4..begin + PREFIX_BYTES].copy_from_slice(&checksum.to_le_bytes());
    }
}

impl<'a> Entry<'a> {
    /// The entry with which `bytes` begin, and its length. None where there is no whole one.
    pub(super) fn read(bytes: &'a [u8]) -> Option<(Self, usize)> {
        let length = usize::try_from(u32_at(bytes, 0)?).ok()?;
        let body = bytes.get(PREFIX_BYTES..)?.get(..length)?;
        if length < FIXED_BYTES || crc32c::crc32c(body) != u32_at(bytes, 4)? {
            return None;
        }
        let head = EntryHead::read(bytes)?;
        let batch = body.get(FIXED_BYTES + head.topic.len()..)?;
        Some((Self { head, batch }, PREFIX_BYTES + length))
    }
}

impl EntryHead {
    /// The head of the entry with which `bytes` begin, without a look at the checksum.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let fixed = bytes.get(PREFIX_BYTES..PREFIX_BYTES + FIXED_BYTES)?;
        let topic_bytes = usize::from(u16::from_le_bytes(fixed.get(28..30)?.try_into().ok()?));
        if topic_bytes > MAX_TOPIC_BYTES {
            return None;
        }
        let topic = bytes.get(PREFIX_BYTES + FIXED_BYTES..)?.get(..topic_bytes)?;
        Some(Self {
            number: number_at(bytes)?,
            arrival_ms: i64::from_le_bytes(fixed.get(8..16)?.try_into().ok()?),
            base_offset: i64::from_le_bytes(fixed.get(16..24)?.try_into().ok()?),
            partition: i32::from_le_bytes(fixed.get(24..28)?.try_into().ok()?),
            topic: std::str::from_utf8(topic).ok()?.to_owned(),
        })
    }
}

/// How long the entry is with which `bytes` begin, if there is one.
pub(super) fn length_of(bytes: &[u8]) -> Option<usize> {
    Some(PREFIX_BYTES + usize::try_from(u32_at(bytes, 0)?).ok()?)
}

/// Its number.
pub(super) fn number_at(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(PREFIX_BYTES..PREFIX_BYTES + 8)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(offset..offset + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_reads_as_it_was_written_and_not_at_all_with_a_flipped_bit() {
        let head = EntryHead {
            number: 7,
            arrival_ms: 1_700_000_000_000,
            base_offset: 1 << 40,
            topic: "trades".to_owned(),
            partition: 3,
        };
        let entry = Entry { head, batch: b"a batch" };
        let mut bytes = Vec::new();
        entry.append_to(&mut bytes);
        assert_eq!(bytes.len(), entry_bytes("trades", b"a batch"));
        assert_eq!(Entry::read(&bytes), Some((entry.clone(), bytes.len())));
        assert_eq!(EntryHead::read(&bytes), Some(entry.head.clone()));
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            // What is too long is not there; a shorter length or any other bit fails the checksum.
            assert_eq!(Entry::read(&damaged), None, "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert_eq!(Entry::read(&bytes[..length]), None);
        }
    }
}
