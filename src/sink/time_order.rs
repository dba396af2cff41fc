use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use super::pending::Pending;

/// A request's blocks in the order of their times, as far as the order of each partition allows: rows in time order
/// cost QuestDB least, and partitions that are produced to side by side have the same times.
pub(super) fn in_time_order(blocks: Vec<Pending>) -> Vec<Pending> {
    if blocks.is_sorted_by_key(begin) {
        return blocks;
    }
    let count = blocks.len();
    let mut partitions: BTreeMap<i32, VecDeque<Pending>> = BTreeMap::new();
    for block in blocks {
        partitions.entry(block.partition).or_default().push_back(block);
    }
    let heads =
        partitions.iter().filter_map(|(&partition, blocks)| Some((begin(blocks.front()?), partition)));
    let mut heads: BinaryHeap<_> = heads.map(Reverse).collect();
    let mut ordered = Vec::with_capacity(count);
    while let Some(Reverse((_, partition))) = heads.pop() {
        let Some(blocks) = partitions.get_mut(&partition) else { continue };
        ordered.extend(blocks.pop_front());
        heads.extend(blocks.front().map(|next| Reverse((begin(next), partition))));
    }
    ordered
}

/// The first row's time. All blocks of a table count it in the same unit.
fn begin(pending: &Pending) -> i64 {
    pending.block.timestamp.values.first().copied().unwrap_or(i64::MIN)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::time::Instant;

    use super::super::outcome::{Submission, ticket};
    use super::*;
    use crate::memory::MemoryBudget;
    use crate::rows::{Block, TableName, TimeUnit, Timestamps};

    fn pending(partition: i32, begin: i64, number: u32) -> Pending {
        let timestamp =
            Timestamps { name: "timestamp".into(), unit: TimeUnit::Micros, values: vec![begin].into() };
        let block =
            Block { table: TableName::new("t"), timestamp, columns: Vec::new(), origin: vec![number] };
        let charge = futures_util::FutureExt::now_or_never(MemoryBudget::new(1 << 20).decode_turn())
            .unwrap()
            .charge(0);
        let deadline = Instant::now();
        Pending::new(Submission {
            block,
            partition,
            deadline,
            fence: None,
            label: None,
            charge,
            resolver: ticket().0,
        })
    }

    proptest! {
        #[test]
        fn partitions_keep_their_order_and_the_earliest_of_their_next_blocks_comes_first(
            given in prop::collection::vec((0..4, 0..20i64), 0..40)
        ) {
            let blocks = (0..).zip(&given).map(|(number, &(partition, begin))| pending(partition, begin, number));
            let ordered = in_time_order(blocks.collect());
            let numbers: Vec<u32> = ordered.iter().map(|block| block.block.origin[0]).collect();
            let mut left: Vec<(u32, i32, i64)> =
                (0..).zip(&given).map(|(number, &(partition, begin))| (number, partition, begin)).collect();
            for number in numbers {
                let place = left.iter().position(|block| block.0 == number).unwrap();
                let (_, partition, begin) = left[place];
                prop_assert!(left[..place].iter().all(|block| block.1 != partition), "partition {}", partition);
                for other in 0..4 {
                    let head = left.iter().find(|block| block.1 == other);
                    prop_assert!(head.is_none_or(|head| head.2 >= begin), "{} before {:?}", number, head);
                }
                left.remove(place);
            }
            prop_assert!(left.is_empty());
        }
    }
}
