use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

pub(super) const FILE_NAME: &str = "checkpoint";

/// Which entries are done: all below a number, and some ranges above it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Checkpoint {
    /// All entries below this number are done.
    low: u64,
    /// Ranges of done entries above: first number and the one after the last. They neither overlap nor touch.
    ranges: BTreeMap<u64, u64>,
    /// The last entry that was known to be on the disk: one that is missing was lost, not half written.
    pub(super) durable: u64,
}

/// Why a checkpoint cannot be read. Then nothing counts as done: better twice than not at all.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the spool's checkpoint is damaged: what the segments hold is written again, also where it was done")]
pub struct CheckpointFault;

#[derive(Serialize, Deserialize)]
struct Written {
    done_below: u64,
    done: Vec<(u64, u64)>,
    durable: u64,
}

impl Checkpoint {
    /// All entries below it are done.
    pub(super) fn low(&self) -> u64 {
        self.low
    }

    pub(super) fn is_done(&self, number: u64) -> bool {
        number < self.low || self.ranges.range(..=number).next_back().is_some_and(|(_, end)| number < *end)
    }

    /// Notes that entries are done, or will never be there.
    pub(super) fn done(&mut self, numbers: Range<u64>) {
        if numbers.is_empty() {
            return;
        }
        let Range { mut start, mut end } = numbers;
        while let Some((&first, &until)) = self.ranges.range(..=end).next_back()
            && until >= start
        {
            self.ranges.remove(&first);
            (start, end) = (start.min(first), end.max(until));
        }
        if start <= self.low {
            self.low = self.low.max(end);
        } else {
            self.ranges.insert(start, end);
        }
    }

    /// A line of JSON, and one with its checksum.
    pub(super) fn write(&self) -> Vec<u8> {
        let written = Written {
            done_below: self.low,
            done: self.ranges.iter().map(|(&first, &end)| (first, end)).collect(),
            durable: self.durable,
        };
        // Numbers and lists of numbers always serialize.
        let json = serde_json::to_string(&written).unwrap_or_default();
        format!("{json}\n{:08x}\n", crc32c::crc32c(json.as_bytes())).into_bytes()
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, CheckpointFault> {
        let text = std::str::from_utf8(bytes).map_err(|_| CheckpointFault)?;
        let (json, checksum) = text.split_once('\n').ok_or(CheckpointFault)?;
        if checksum != format!("{:08x}\n", crc32c::crc32c(json.as_bytes())) {
            return Err(CheckpointFault);
        }
        let written: Written = serde_json::from_str(json).map_err(|_| CheckpointFault)?;
        Ok(Self {
            low: written.done_below,
            ranges: written.done.into_iter().collect(),
            durable: written.durable,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_done_is_done_in_whatever_order(order in Just((1u64..60).collect::<Vec<_>>()).prop_shuffle(), part in 0usize..60) {
            let mut checkpoint = Checkpoint::default();
            checkpoint.done(0..1);
            for number in &order[..part.min(order.len())] {
                checkpoint.done(*number..number + 1 + number % 3);
            }
            let checkpoint = Checkpoint::read(&checkpoint.write()).unwrap();
            let done: HashSet<u64> =
                order[..part.min(order.len())].iter().flat_map(|number| *number..number + 1 + number % 3).collect();
            for number in 1..60 {
                prop_assert_eq!(checkpoint.is_done(number), done.contains(&number));
            }
            prop_assert_eq!(checkpoint.low(), (1..).find(|number| !done.contains(number)).unwrap());
            for (first, end) in &checkpoint.ranges {
                prop_assert!(first < end && *first > checkpoint.low() && !checkpoint.is_done(*end));
            }
        }
    }

    #[test]
    fn a_flipped_bit_is_noticed() {
        let mut checkpoint = Checkpoint { durable: 12, ..Checkpoint::default() };
        checkpoint.done(3..4);
        let bytes = checkpoint.write();
        assert_eq!(Checkpoint::read(&bytes), Ok(checkpoint));
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Checkpoint::read(&damaged).is_err(), "bit {bit}");
        }
        assert!(Checkpoint::read(b"").is_err());
    }
}
