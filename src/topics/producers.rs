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
    /// Where the next batch must begin; unknown before the first one, as after a restart of the gateway.
    next: Option<Next>,
    /// In order. Where one has failed there is a hole, until it is sent again.
    batches: VecDeque<Batch>,
    /// Broken from the moment that one of the batches is given up, or refused and not yet at its end, to the moment that
    /// it is settled here.
    fence: Fence,
    /// The number of the batch admitted last: tells who was silent for longest.
    used: u64,
}

/// The end of what is known without a hole.
#[derive(Clone, Copy, Debug)]
struct Next {
    sequence: i32,
    at: i64,
}

#[derive(Debug)]
struct Batch {
    number: u64,
    first: i32,
    last: i32,
    /// Where it begins: as its sequence number, without ever wrapping.
    at: i64,
    token: FenceToken,
    verdict: watch::Receiver<Option<Verdict>>,
}

impl Batch {
    fn is_open(&self) -> bool {
        self.verdict.borrow().is_none()
    }

    fn end(&self) -> Next {
        let records = i64::from(self.last.wrapping_sub(self.first) & i32::MAX) + 1;
        Next { sequence: after(self.last), at: self.at + records }
    }
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
        if producer.fence.is_broken() {
            return Judgement::Void;
        }
        if let Some(Next { sequence: expected, .. }) = producer.next
            && expected != batch.first
        {
            // Those that are given up are about to be sent again.
            let is_void = producer.batches.iter().any(|batch| batch.is_open() && batch.token.is_void());
            return if is_void { Judgement::Void } else { Judgement::OutOfOrder { expected } };
        }
        let token = producer.fence.token();
        producer.add(number, batch, token.clone(), verdict);
        producer.go_on();
        producer.trim();
        Judgement::Next(Place { producer_id: batch.producer_id, number }, token)
    }

    /// Takes in what was committed before this life, oldest first: copies of it are answered. What comes next may begin
    /// anywhere, because not all that was committed need be known.
    pub fn restore(&mut self, before: Vec<Committed>) {
        for Committed { sequence, base_offset } in before {
            let Sequence { producer_id, epoch, .. } = sequence;
            self.admitted += 1;
            let number = self.admitted;
            let producer = self.by_id.entry(producer_id).or_insert_with(|| Producer::new(epoch));
            if producer.epoch < epoch {
                *producer = Producer::new(epoch);
            }
            producer.used = number;
            let verdict = watch::channel(Some(Verdict::Committed { base_offset })).1;
            let token = producer.fence.token();
            producer.add(number, sequence, token, verdict);
            producer.next = None;
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

    /// Takes a batch that was not written out of line: the producer sends it again, and those behind it that are not
    /// written either. There may be others behind it that are: for other tables, or for none.
    pub fn failed(&mut self, place: Place) {
        let Some(producer) = self.by_id.get_mut(&place.producer_id) else { return };
        let index = producer.batches.iter().position(|batch| batch.number == place.number);
        let Some(batch) = index.and_then(|index| producer.batches.remove(index)) else { return };
        batch.token.void();
        if producer.next.is_none_or(|next| batch.at < next.at) {
            producer.next = Some(Next { sequence: batch.first, at: batch.at });
        }
        producer.mend();
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
        let Some(Next { mut at, .. }) = producer.next else { return false };
        let Some(this) = producer.batches.iter().find(|batch| batch.number == place.number) else {
            return false;
        };
        for batch in producer.batches.iter().take_while(|batch| batch.at < this.at) {
            if batch.at == at {
                at = batch.end().at;
            }
        }
        this.at <= at
    }

    /// A batch has come to its end and its sequence numbers are used.
    pub fn settled(&mut self, place: Place) {
        let Some(producer) = self.by_id.get_mut(&place.producer_id) else { return };
        producer.mend();
        producer.go_on();
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
        Self { epoch, next: None, batches: VecDeque::new(), fence: Fence::default(), used: 0 }
    }

    /// Adds a batch where the next one begins. Where that is unknown its number tells how far it is from those that are
    /// known: there may be holes between them.
    fn add(
        &mut self,
        number: u64,
        Sequence { first, last, .. }: Sequence,
        token: FenceToken,
        verdict: watch::Receiver<Option<Verdict>>,
    ) {
        let at = match self.next {
            Some(next) => next.at,
            None => self.batches.back().map_or(0, |last| last.at + distance(last.first, first)),
        };
        let batch = Batch { number, first, last, at, token, verdict };
        self.next = Some(batch.end());
        let index = self.batches.iter().take_while(|other| other.at < at).count();
        self.batches.insert(index, batch);
    }

    /// Goes on to the end of what is known without a hole. Batches that are given up leave one.
    fn go_on(&mut self) {
        let Some(mut next) = self.next else { return };
        for batch in &self.batches {
            if batch.at == next.at && !(batch.is_open() && batch.token.is_void()) {
                next = batch.end();
            }
        }
        self.next = Some(next);
    }

    /// Mends the fence where the batch that has broken it is settled, and those behind it.
    fn mend(&self) {
        self.fence.mend(self.batches.iter().filter(|batch| batch.is_open()).map(|batch| &batch.token));
    }

    /// Forgets old batches, but none whose outcome is still open.
    fn trim(&mut self) {
        while self.batches.len() > BATCHES_REMEMBERED
            && self.batches.front().is_some_and(|batch| !batch.is_open())
        {
            self.batches.pop_front();
        }
    }
}

/// How far it is from one sequence number to another, the shorter way round.
fn distance(from: i32, to: i32) -> i64 {
    const HALF: i64 = 1 << 30;
    let forward = i64::from(to.wrapping_sub(from) & i32::MAX);
    if forward < HALF { forward } else { forward - 2 * HALF }
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
#[path = "producers_tests.rs"]
mod tests;
