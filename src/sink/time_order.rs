use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet, VecDeque};

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

/// Takes those blocks out of a request that are ahead: behind all that one of the table's other partitions has here.
/// `behind` are the blocks that come after these.
///
/// Rows that begin before the end of those that the table has already cost QuestDB the most: it merges them into what is
/// there, which means writing that once more. Partitions that are produced to side by side are never equally far, so
/// what is ahead lets one request go without it, in which the others may catch up. Nothing waits for this: something
/// always goes, and the next request takes what was held back, whatever else that has.
pub(super) fn hold_back(blocks: &mut Vec<Pending>, behind: &VecDeque<Pending>) -> Vec<Pending> {
    let mut reached: HashMap<i32, i64> = HashMap::new();
    for pending in blocks.iter().chain(behind) {
        let end = end(pending);
        let latest = reached.entry(pending.partition).or_insert(end);
        *latest = end.max(*latest);
    }
    if reached.len() < 2 {
        return Vec::new();
    }
    let all_reached = reached.into_values().min().unwrap_or(i64::MAX);
    // What comes behind a block of its partition stays behind it.
    let mut held_partitions = HashSet::new();
    let mut is_ahead = |pending: &Pending| {
        let is_ahead = held_partitions.contains(&pending.partition)
            || !pending.held_back && begin(pending) > all_reached;
        if is_ahead {
            held_partitions.insert(pending.partition);
        }
        is_ahead
    };
    let (mut held, kept): (Vec<_>, Vec<_>) = std::mem::take(blocks).into_iter().partition(&mut is_ahead);
    if kept.is_empty() {
        *blocks = held;
        return Vec::new();
    }
    held.iter_mut().for_each(|pending| pending.held_back = true);
    *blocks = kept;
    held
}

/// Sees requests that begin before the end of an earlier one.
#[derive(Debug, Default)]
pub(super) struct Latest {
    end: Option<i64>,
}

impl Latest {
    /// Takes note of a request. True: it is late.
    pub(super) fn is_late(&mut self, blocks: &[Pending]) -> bool {
        let first = blocks.iter().map(begin).min();
        let last = blocks.iter().map(end).max();
        let is_late = first.is_some() && first < self.end;
        self.end = self.end.max(last);
        is_late
    }
}

/// The last row's time.
fn end(pending: &Pending) -> i64 {
    pending.block.timestamp.values.last().copied().unwrap_or(i64::MIN)
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
        of_times(partition, vec![begin], number)
    }

    fn of_times(partition: i32, times: Vec<i64>, number: u32) -> Pending {
        let origin = vec![number; times.len()];
        let timestamp = Timestamps { name: "timestamp".into(), unit: TimeUnit::Micros, values: times.into() };
        let block = Block { table: TableName::new("t"), timestamp, columns: Vec::new(), origin };
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

    /// What is held back of a request, by the numbers that the blocks get.
    fn held(request: &[(i32, &[i64])], behind: &[(i32, &[i64])]) -> Vec<u32> {
        let all = request.iter().chain(behind).zip(0..);
        let mut blocks: Vec<Pending> =
            all.map(|(&(partition, times), number)| of_times(partition, times.to_vec(), number)).collect();
        let behind = blocks.split_off(request.len()).into();
        hold_back(&mut blocks, &behind).iter().map(|block| block.block.origin[0]).collect()
    }

    #[test]
    fn what_is_ahead_of_a_partition_waits_for_it() {
        let request: [(i32, &[i64]); 4] = [(0, &[1, 2]), (1, &[3, 4]), (0, &[5, 6]), (2, &[4, 5])];
        // Partition 1 has got as far as 4.
        assert_eq!(held(&request, &[]), [2]);
        // With its next block it will have got farther.
        assert_eq!(held(&request, &[(1, &[7, 8])]), [0; 0]);
        // There is nobody to wait for.
        assert_eq!(held(&[(0, &[1, 2]), (0, &[3, 4])], &[]), [0; 0]);
    }

    #[test]
    fn nothing_waits_twice() {
        let mut blocks = vec![of_times(0, vec![1, 2, 3], 0), of_times(1, vec![10], 1)];
        let held = hold_back(&mut blocks, &VecDeque::new());
        assert_eq!((blocks.len(), held.len()), (1, 1));
        let mut blocks = held;
        blocks.push(of_times(0, vec![4, 5, 6], 2));
        assert!(hold_back(&mut blocks, &VecDeque::new()).is_empty());
        assert_eq!(blocks.len(), 2);
    }

    #[test]
    fn a_request_is_late_if_it_begins_before_the_end_of_an_earlier_one() {
        let mut latest = Latest::default();
        let mut late = |times: &[i64]| latest.is_late(&[of_times(0, times.to_vec(), 0)]);
        assert!(!late(&[1, 5]));
        assert!(!late(&[5, 9]));
        assert!(late(&[8, 8]));
        assert!(late(&[8, 10]));
        assert!(!late(&[10, 11]));
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

        #[test]
        fn what_is_held_back_is_the_end_of_its_partition_and_never_all(
            given in prop::collection::vec((0..4, 0..20i64, any::<bool>()), 0..40),
            request in 0..40usize,
        ) {
            let mut blocks: Vec<Pending> = Vec::new();
            for (number, &(partition, begin, was_held)) in (0..).zip(&given) {
                blocks.push(pending(partition, begin, number));
                blocks.last_mut().unwrap().held_back = was_held;
            }
            let behind = blocks.split_off(request.min(blocks.len())).into();
            let before = blocks.len();
            let held = hold_back(&mut blocks, &behind);
            prop_assert_eq!(blocks.len() + held.len(), before);
            prop_assert!(before == 0 || !blocks.is_empty());
            prop_assert!(held.iter().all(|block| block.held_back));
            for blocks in [&held, &blocks] {
                prop_assert!(blocks.is_sorted_by_key(|block| block.block.origin[0]));
            }
            for block in &held {
                let behind_it = blocks
                    .iter()
                    .filter(|other| other.partition == block.partition && other.block.origin > block.block.origin);
                prop_assert_eq!(behind_it.count(), 0);
            }
        }
    }
}
