//! What a partition knows of its idempotent producers (KIP-98): for each the last batches, so that one that is sent
//! again is answered and not written again, also while its first attempt is still on its way to QuestDB.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::sync::watch;

use super::history::Committed;
use crate::fence::{Fence, FenceToken};
use crate::rows::{RowError, TableName};

/// Kafka remembers as many, because a producer may have as many requests in flight.
const BATCHES_REMEMBERED: usize = 5;
/// Producers remembered for one partition. Beyond it the one unheard of for longest is forgotten, which costs it
/// no more than a restart of the gateway would.
const PRODUCERS_REMEMBERED: usize = 1_000;

/// An idempotent producer's place in a partition, as a record batch states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// Given out by InitProducerId; not negative.
    pub producer_id: i64,
    /// Grows when the producer starts anew under the same id.
    pub epoch: i16,
    /// The first record's number; wraps from 2^31 - 1 to 0.
    pub first: i32,
    /// The last record's number.
    pub last: i32,
}

/// What finally became of a batch: also the answer to each later copy of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every record has its row, or needs none.
    Committed {
        /// The first record's offset.
        base_offset: i64,
    },
    /// Records of it cannot become rows.
    Rejected(Arc<Rejection>),
}

/// Why a batch is refused for good, and what is there of it all the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejection {
    /// The records that cannot become rows, at least some of them.
    pub errors: Vec<RowError>,
    /// The tables that have rows of the batch. Only a batch for several tables has any: its rows for one are refused
    /// by QuestDB when those for another may be committed.
    pub written: Vec<TableName>,
}

/// What a batch's sequence numbers say about it.
#[derive(Debug)]
pub enum Judgement {
    /// The next one in line.
    Next(Place, FenceToken),
    /// Sent before; the receiver has or will have what became of it.
    Seen(watch::Receiver<Option<Verdict>>),
    /// A batch before it just failed, so it has to be sent again after that one.
    Void,
    /// A gap, or too old to be remembered.
    OutOfOrder {
        /// The number that the next batch has to begin with.
        expected: i32,
    },
    /// The producer has started anew under a higher epoch.
    OldEpoch {
        /// That epoch.
        current: i16,
    },
}

/// Where an admitted batch is kept, for settling it later.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    producer_id: i64,
    number: u64,
}

#[derive(Debug, Default)]
pub struct Producers {
    by_id: HashMap<i64, Producer>,
    admitted: u64,
}

#[derive(Debug)]
struct Producer {
    epoch: i16,
    /// What the next batch must begin with; unknown before the first one, as after a restart of the gateway.
    next: Option<i32>,
    batches: VecDeque<Batch>,
    fence: Fence,
    /// The token of all batches in line. Void between the moment a lane gives one of them up and the moment that
    /// one is settled here.
    line: FenceToken,
    /// The number of the batch admitted last: tells who was silent for longest.
    used: u64,
}

#[derive(Debug)]
struct Batch {
    number: u64,
    first: i32,
    last: i32,
    verdict: watch::Receiver<Option<Verdict>>,
}

impl Producers {
    /// Judges a batch, and takes it in line if it is the next one.
    pub fn admit(&mut self, batch: Sequence, verdict: watch::Receiver<Option<Verdict>>) -> Judgement {
        self.admitted += 1;
        let number = self.admitted;
        if self.by_id.len() >= PRODUCERS_REMEMBERED && !self.by_id.contains_key(&batch.producer_id) {
            self.forget_stalest();
        }
        let producer = self.by_id.entry(batch.producer_id).or_insert_with(|| Producer::new(batch.epoch));
        if batch.epoch < producer.epoch {
            return Judgement::OldEpoch { current: producer.epoch };
        }
        if batch.epoch > producer.epoch {
            if batch.first != 0 {
                return Judgement::OutOfOrder { expected: 0 };
            }
            *producer = Producer::new(batch.epoch);
        }
        producer.used = number;
        if let Some(seen) = producer.batches.iter().find(|b| b.first == batch.first && b.last == batch.last) {
            return Judgement::Seen(seen.verdict.clone());
        }
        if producer.line.is_void() {
            return Judgement::Void;
        }
        if let Some(expected) = producer.next
            && expected != batch.first
        {
            return Judgement::OutOfOrder { expected };
        }
        producer.next = Some(after(batch.last));
        producer.batches.push_back(Batch { number, first: batch.first, last: batch.last, verdict });
        producer.trim();
        Judgement::Next(Place { producer_id: batch.producer_id, number }, producer.line.clone())
    }

    /// Takes in what was committed before this life, oldest first: copies of it are answered. What comes next may begin
    /// anywhere, because not all that was committed need be known.
    pub fn restore(&mut self, before: Vec<Committed>) {
        for Committed { sequence: Sequence { producer_id, epoch, first, last }, base_offset } in before {
            self.admitted += 1;
            let number = self.admitted;
            let producer = self.by_id.entry(producer_id).or_insert_with(|| Producer::new(epoch));
            if producer.epoch < epoch {
                *producer = Producer::new(epoch);
            }
            producer.used = number;
            let verdict = watch::channel(Some(Verdict::Committed { base_offset })).1;
            producer.batches.push_back(Batch { number, first, last, verdict });
            producer.trim();
        }
        while self.by_id.len() > PRODUCERS_REMEMBERED {
            self.forget_stalest();
        }
    }

    /// Which of its producer's batches this one is.
    pub fn sequence(&self, place: Place) -> Option<Sequence> {
        let producer = self.by_id.get(&place.producer_id)?;
        let batch = producer.batches.iter().find(|batch| batch.number == place.number)?;
        let (producer_id, epoch) = (place.producer_id, producer.epoch);
        Some(Sequence { producer_id, epoch, first: batch.first, last: batch.last })
    }

    /// Takes a batch that was not written out of line, and all behind it: the producer sends them again from there.
    pub fn failed(&mut self, place: Place) {
        let Some(producer) = self.by_id.get_mut(&place.producer_id) else { return };
        let Some(index) = producer.batches.iter().position(|batch| batch.number == place.number) else {
            return;
        };
        producer.next = Some(producer.batches[index].first);
        producer.batches.truncate(index);
        producer.line.void();
        producer.line = producer.fence.token();
    }

    /// What will become of the producer's batches before this one of which it is not known yet.
    pub fn open_before(&self, place: Place) -> Vec<watch::Receiver<Option<Verdict>>> {
        let Some(producer) = self.by_id.get(&place.producer_id) else { return Vec::new() };
        let before = producer.batches.iter().take_while(|batch| batch.number != place.number);
        before.map(|batch| batch.verdict.clone()).filter(|verdict| verdict.borrow().is_none()).collect()
    }

    /// Whether no batch before this one has failed.
    pub fn is_in_line(&self, place: Place) -> bool {
        let Some(producer) = self.by_id.get(&place.producer_id) else { return false };
        producer.batches.iter().any(|batch| batch.number == place.number)
    }

    /// A batch that a lane gave up was saved all the same. Those behind it that were in flight then are given up by
    /// the lanes as well; when the last of them is saved the line goes on.
    pub fn saved(&mut self, place: Place) {
        let Some(producer) = self.by_id.get_mut(&place.producer_id) else { return };
        if producer.line.is_void() && producer.batches.back().is_some_and(|last| last.number == place.number)
        {
            producer.line = producer.fence.token();
        }
    }

    fn forget_stalest(&mut self) {
        let stalest = self.by_id.iter().min_by_key(|(_, producer)| producer.used).map(|(id, _)| *id);
        if let Some(id) = stalest {
            self.by_id.remove(&id);
        }
    }
}

impl Producer {
    fn new(epoch: i16) -> Self {
        let fence = Fence::default();
        let line = fence.token();
        Self { epoch, next: None, batches: VecDeque::new(), fence, line, used: 0 }
    }

    /// Forgets old batches, but none whose outcome is still open.
    fn trim(&mut self) {
        while self.batches.len() > BATCHES_REMEMBERED
            && self.batches.front().is_some_and(|batch| batch.verdict.borrow().is_some())
        {
            self.batches.pop_front();
        }
    }
}

fn after(sequence: i32) -> i32 {
    sequence.checked_add(1).unwrap_or(0)
}

/// The last record's number of a batch that begins with `first` and holds `records` of them.
pub fn last_of(first: i32, records: u32) -> i32 {
    let last = i64::from(first) + i64::from(records.max(1)) - 1;
    (last & i64::from(i32::MAX)) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequence(epoch: i16, first: i32, records: u32) -> Sequence {
        Sequence { producer_id: 7, epoch, first, last: last_of(first, records) }
    }

    /// Admits a batch whose outcome is already known.
    fn admit(producers: &mut Producers, batch: Sequence) -> Judgement {
        producers.admit(batch, watch::channel(Some(Verdict::Committed { base_offset: 0 })).1)
    }

    #[test]
    fn the_last_five_are_answered_again_and_older_ones_are_out_of_order() {
        let mut producers = Producers::default();
        for first in (0..60).step_by(10) {
            assert!(matches!(admit(&mut producers, sequence(0, first, 10)), Judgement::Next(..)));
        }
        for first in (10..60).step_by(10) {
            assert!(matches!(admit(&mut producers, sequence(0, first, 10)), Judgement::Seen(_)), "{first}");
        }
        assert!(matches!(admit(&mut producers, sequence(0, 0, 10)), Judgement::OutOfOrder { expected: 60 }));
    }

    #[test]
    fn a_gap_is_out_of_order_and_changes_nothing() {
        let mut producers = Producers::default();
        admit(&mut producers, sequence(0, 0, 10));
        assert!(matches!(admit(&mut producers, sequence(0, 11, 1)), Judgement::OutOfOrder { expected: 10 }));
        assert!(matches!(admit(&mut producers, sequence(0, 10, 1)), Judgement::Next(..)));
    }

    #[test]
    fn an_unknown_producer_may_begin_anywhere() {
        let mut producers = Producers::default();
        assert!(matches!(admit(&mut producers, sequence(3, 1234, 10)), Judgement::Next(..)));
        assert!(matches!(admit(&mut producers, sequence(3, 1244, 10)), Judgement::Next(..)));
    }

    #[test]
    fn epochs_only_grow_and_begin_at_zero() {
        let mut producers = Producers::default();
        admit(&mut producers, sequence(1, 0, 10));
        assert!(matches!(admit(&mut producers, sequence(0, 10, 1)), Judgement::OldEpoch { current: 1 }));
        assert!(matches!(admit(&mut producers, sequence(2, 10, 1)), Judgement::OutOfOrder { expected: 0 }));
        assert!(matches!(admit(&mut producers, sequence(2, 0, 1)), Judgement::Next(..)));
    }

    #[test]
    fn sequences_wrap() {
        let mut producers = Producers::default();
        admit(&mut producers, sequence(0, i32::MAX - 4, 10));
        assert_eq!(last_of(i32::MAX - 4, 10), 4);
        assert_eq!(last_of(i32::MAX, 1), i32::MAX);
        assert!(matches!(admit(&mut producers, sequence(0, 5, 1)), Judgement::Next(..)));
    }

    #[test]
    fn a_failed_batch_takes_its_followers_out_of_line() {
        let mut producers = Producers::default();
        admit(&mut producers, sequence(0, 0, 10));
        let Judgement::Next(place, token) = admit(&mut producers, sequence(0, 10, 10)) else { panic!() };
        let Judgement::Next(follower, _) = admit(&mut producers, sequence(0, 20, 10)) else { panic!() };
        // The lane gives up; before that is settled, nothing new may be written.
        token.void();
        assert!(matches!(admit(&mut producers, sequence(0, 30, 10)), Judgement::Void));
        producers.failed(place);
        let Judgement::Next(_, again) = admit(&mut producers, sequence(0, 10, 10)) else { panic!() };
        assert!(!again.is_void() && token.is_void());
        // The follower's own failure comes late and must not take the second attempt down.
        assert!(matches!(admit(&mut producers, sequence(0, 20, 10)), Judgement::Next(..)));
        producers.failed(follower);
        assert!(!again.is_void());
        assert!(matches!(admit(&mut producers, sequence(0, 30, 10)), Judgement::Next(..)));
    }

    #[test]
    fn the_line_goes_on_when_the_last_batch_of_a_void_one_is_saved() {
        let mut producers = Producers::default();
        let Judgement::Next(first, token) = admit(&mut producers, sequence(0, 0, 10)) else { panic!() };
        let Judgement::Next(second, _) = admit(&mut producers, sequence(0, 10, 10)) else { panic!() };
        token.void();
        producers.saved(first);
        assert!(matches!(admit(&mut producers, sequence(0, 20, 10)), Judgement::Void));
        assert!(producers.is_in_line(second));
        producers.saved(second);
        let Judgement::Next(third, _) = admit(&mut producers, sequence(0, 20, 10)) else { panic!() };
        producers.failed(second);
        assert!(producers.is_in_line(first) && !producers.is_in_line(second) && !producers.is_in_line(third));
    }

    #[test]
    fn the_batches_before_are_known_until_they_are_settled() {
        let mut producers = Producers::default();
        let (sender, verdict) = watch::channel(None);
        producers.admit(sequence(0, 0, 10), verdict);
        admit(&mut producers, sequence(0, 10, 10));
        let Judgement::Next(third, _) = admit(&mut producers, sequence(0, 20, 10)) else { panic!() };
        assert_eq!(producers.open_before(third).len(), 1);
        sender.send_replace(Some(Verdict::Committed { base_offset: 0 }));
        assert_eq!(producers.open_before(third).len(), 0);
    }

    #[test]
    fn what_was_committed_before_is_answered_and_what_comes_next_may_begin_anywhere() {
        let mut producers = Producers::default();
        let before = (0..8).map(|n| Committed { sequence: sequence(2, n * 10, 10), base_offset: n.into() });
        producers.restore(before.collect());
        let Judgement::Seen(verdict) = admit(&mut producers, sequence(2, 70, 10)) else { panic!() };
        assert_eq!(*verdict.borrow(), Some(Verdict::Committed { base_offset: 7 }));
        assert!(matches!(admit(&mut producers, sequence(1, 80, 10)), Judgement::OldEpoch { current: 2 }));
        assert!(matches!(admit(&mut producers, sequence(2, 90, 10)), Judgement::Next(..)));
        assert!(matches!(
            admit(&mut producers, sequence(2, 110, 10)),
            Judgement::OutOfOrder { expected: 100 }
        ));
    }

    #[test]
    fn the_number_of_producers_is_bounded() {
        let mut producers = Producers::default();
        for producer_id in 0..2 * PRODUCERS_REMEMBERED as i64 {
            admit(&mut producers, Sequence { producer_id, epoch: 0, first: 0, last: 0 });
        }
        assert_eq!(producers.by_id.len(), PRODUCERS_REMEMBERED);
        let last = 2 * PRODUCERS_REMEMBERED as i64 - 1;
        assert!(producers.by_id.contains_key(&last) && !producers.by_id.contains_key(&0));
    }
}
