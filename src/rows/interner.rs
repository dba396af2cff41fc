use arrow_array::StringArray;
use arrow_buffer::{Buffer, OffsetBuffer, ScalarBuffer};

use super::hash_index::{HashIndex, hash};

/// The distinct values of a SYMBOL column, numbered in the order in which they came.
#[derive(Clone, Debug)]
pub(crate) struct Interner {
    index: HashIndex,
    bytes: Vec<u8>,
    /// Value `i` is `bytes[offsets[i]..offsets[i + 1]]`.
    offsets: Vec<i32>,
}

impl Interner {
    pub fn new() -> Self {
        Self { index: HashIndex::default(), bytes: Vec::new(), offsets: vec![0] }
    }

    /// The number of a value, which is UTF-8. None: there is no room for more.
    #[inline]
    pub fn intern(&mut self, value: &[u8]) -> Option<i32> {
        let hash = hash(0, value);
        if let Some(number) = self.index.find(hash, |number| self.value(number) == value) {
            return Some(number as i32);
        }
        let end = i32::try_from(self.bytes.len() + value.len()).ok()?;
        let number = i32::try_from(self.len()).ok()?;
        self.index.push(hash);
        self.bytes.extend_from_slice(value);
        self.offsets.push(end);
        Some(number)
    }

    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Forgets all values from number `length` on.
    pub fn truncate(&mut self, length: usize) {
        self.index.truncate(length);
        self.offsets.truncate(length + 1);
        self.bytes.truncate(self.offsets.last().map_or(0, |&end| end as usize));
    }

    pub fn memory_bytes(&self) -> usize {
        self.index.memory_bytes() + self.bytes.capacity() + self.offsets.capacity() * 4
    }

    pub fn into_array(self) -> StringArray {
        let offsets = OffsetBuffer::new(ScalarBuffer::from(self.offsets));
        StringArray::new(offsets, Buffer::from_vec(self.bytes), None)
    }

    fn value(&self, number: usize) -> &[u8] {
        &self.bytes[self.offsets[number] as usize..self.offsets[number + 1] as usize]
    }
}
