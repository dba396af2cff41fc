use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

/// Finds numbered things (0, 1, 2, ...) by their hashes; the things themselves live elsewhere.
///
/// What was added last can be taken out again, which a row that fails needs and `HashMap` makes expensive.
#[derive(Clone, Debug, Default)]
pub(crate) struct HashIndex {
    /// Open addressing with linear probing: a number plus 1, or 0. A power of two long.
    slots: Vec<u32>,
    hashes: Vec<u32>,
}

impl HashIndex {
    /// The thing with this hash that `same` recognizes.
    #[inline]
    pub fn find(&self, hash: u32, mut same: impl FnMut(usize) -> bool) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        // Ends, because at least half of the slots are empty.
        loop {
            let number = (self.slots[slot] as usize).checked_sub(1)?;
            if self.hashes[number] == hash && same(number) {
                return Some(number);
            }
            slot = (slot + 1) & mask;
        }
    }

    /// Adds the next thing. That it is new is for the caller to know.
    pub fn push(&mut self, hash: u32) {
        self.hashes.push(hash);
        if self.hashes.len() * 2 > self.slots.len() {
            self.slots = vec![0; (self.hashes.len() * 4).next_power_of_two().max(16)];
            (0..self.hashes.len()).for_each(|number| self.place(number));
        } else {
            self.place(self.hashes.len() - 1);
        }
    }

    /// Takes out all things from number `length` on.
    pub fn truncate(&mut self, length: usize) {
        for number in (length..self.hashes.len()).rev() {
            // Things are placed in the order of their numbers, also when the table grows. So no other thing's
            // search leads over the slot of the last one, and emptying it breaks nothing.
            let mask = self.slots.len() - 1;
            let mut slot = self.hashes[number] as usize & mask;
            while self.slots[slot] as usize != number + 1 {
                slot = (slot + 1) & mask;
            }
            self.slots[slot] = 0;
            self.hashes.pop();
        }
    }

    /// The bytes that the index holds on to.
    pub fn memory_bytes(&self) -> usize {
        (self.slots.capacity() + self.hashes.capacity()) * 4
    }

    fn place(&mut self, number: usize) {
        let mask = self.slots.len() - 1;
        let mut slot = self.hashes[number] as usize & mask;
        while self.slots[slot] != 0 {
            slot = (slot + 1) & mask;
        }
        self.slots[slot] = number as u32 + 1;
    }
}

/// Hashes what comes from producers. Short strings are the rule, so a multiplication for each eight bytes has to
/// do; the seed differs from process to process, so that nobody can prepare names that all collide.
#[inline]
pub(crate) fn hash(salt: u32, bytes: &[u8]) -> u32 {
    static SEEDS: LazyLock<[u64; 2]> = LazyLock::new(|| {
        let state = RandomState::new();
        [state.hash_one(0), state.hash_one(1)]
    });
    let [seed, secret] = *SEEDS;
    let mut hash = seed ^ u64::from(salt) ^ ((bytes.len() as u64) << 32);
    let mut rest = bytes;
    while let Some((chunk, after)) = rest.split_first_chunk::<8>() {
        hash = fold(hash ^ u64::from_le_bytes(*chunk), secret);
        rest = after;
    }
    let tail = rest.iter().rev().fold(0, |tail, &byte| tail << 8 | u64::from(byte));
    hash = fold(hash ^ tail, secret);
    (hash ^ hash >> 32) as u32
}

#[inline]
fn fold(value: u64, secret: u64) -> u64 {
    let product = u128::from(value) * u128::from(secret | 1);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_a_list(
            steps in prop::collection::vec((0_u32..40, prop::option::weighted(0.1, 0_usize..60)), 0..300),
        ) {
            let mut index = HashIndex::default();
            let mut list: Vec<u32> = Vec::new();
            for (thing, truncate) in steps {
                if let Some(length) = truncate {
                    list.truncate(length);
                    index.truncate(length);
                }
                // Few hashes, so that things collide.
                let hash = thing % 7;
                let found = index.find(hash, |number| list[number] == thing);
                prop_assert_eq!(found, list.iter().position(|&other| other == thing));
                if found.is_none() {
                    list.push(thing);
                    index.push(hash);
                }
            }
        }
    }
}
