use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

use super::Lasting;
use super::history::{self, Committed};
use super::producers::{Judgement, Place, Producers, Rejection, Sequence, Verdict, last_of};
use crate::fence::FenceToken;

/// One partition of a topic: offsets and producers.
#[derive(Debug)]
pub struct Partition {
    place: history::Place,
    lasting: Lasting,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    next_offset: i64,
    /// Committed in this life.
    records: u64,
    bytes: u64,
    producers: Producers,
}

/// Whether a batch may be written.
#[derive(Debug)]
pub enum Admission {
    /// Write it.
    Admitted(Admitted),
    /// It was sent before: answer with what became of the first attempt.
    Duplicate(Earlier),
    /// A batch before it just failed; it has to be sent again after that one.
    Void,
    /// Its first sequence number is not the expected one.
    OutOfOrder {
        /// The expected one.
        expected: i32,
    },
    /// The producer has started anew under a higher epoch.
    OldEpoch {
        /// That epoch.
        current: i16,
    },
}

impl Partition {
    pub(super) fn new(place: history::Place, lasting: Lasting) -> Self {
        let mut producers = Producers::default();
        producers.restore(lasting.history.of(&place));
        let state = State { next_offset: lasting.numbers.first_offset(), records: 0, bytes: 0, producers };
        Self { place, lasting, state: Mutex::new(state) }
    }

    /// The offset at which this life began: nothing before it can be asked for.
    pub fn first_offset(&self) -> i64 {
        self.lasting.numbers.first_offset()
    }

    /// The offset that the next record gets.
    pub fn next_offset(&self) -> i64 {
        self.state.lock().next_offset
    }

    /// The records that were committed in this life, and their batches in bytes as sent.
    pub fn written(&self) -> (u64, u64) {
        let state = self.state.lock();
        (state.records, state.bytes)
    }

    /// Judges a batch by its producer's numbers; a negative `producer_id` is a producer without idempotence, whose
    /// other numbers mean nothing.
    pub fn admit(
        self: &Arc<Self>,
        producer_id: i64,
        epoch: i16,
        first_sequence: i32,
        records: u32,
    ) -> Admission {
        let (sender, receiver) = watch::channel(None);
        let (place, fence) = if producer_id < 0 {
            (None, None)
        } else {
            let last = last_of(first_sequence, records);
            let sequence = Sequence { producer_id, epoch, first: first_sequence, last };
            match self.state.lock().producers.admit(sequence, receiver) {
                Judgement::Next(place, fence) => (Some(place), Some(fence)),
                Judgement::Seen(verdict) => return Admission::Duplicate(Earlier(verdict)),
                Judgement::Void => return Admission::Void,
                Judgement::OutOfOrder { expected } => return Admission::OutOfOrder { expected },
                Judgement::OldEpoch { current } => return Admission::OldEpoch { current },
            }
        };
        let records = i64::from(records);
        Admission::Admitted(Admitted {
            partition: self.clone(),
            records,
            bytes: 0,
            base_offset: None,
            place,
            fence,
            verdict: sender,
        })
    }
}

/// A batch that may be written and has to be settled. Dropped without that, it counts as failed: its producer sends
/// it again, and all behind it.
#[derive(Debug)]
pub struct Admitted {
    partition: Arc<Partition>,
    records: i64,
    bytes: u64,
    /// The first offset, where it had to be known before the outcome.
    base_offset: Option<i64>,
    place: Option<Place>,
    fence: Option<FenceToken>,
    verdict: watch::Sender<Option<Verdict>>,
}

impl Admitted {
    /// Says how large the batch is, in bytes as sent.
    pub fn of_bytes(self, bytes: usize) -> Self {
        let mut admitted = self;
        admitted.bytes = bytes as u64;
        admitted
    }

    /// For the lane that writes the batch.
    pub fn fence(&self) -> Option<FenceToken> {
        self.fence.clone()
    }

    /// Gives the records their offsets now and returns the first. Where the batch fails nobody gets them.
    pub fn reserve_offsets(&mut self) -> i64 {
        *self.base_offset.get_or_insert_with(|| {
            let mut state = self.partition.state.lock();
            let base_offset = state.next_offset;
            state.next_offset += self.records;
            base_offset
        })
    }

    /// The batch is in QuestDB, or in the spool: gives its records their offsets and returns the first.
    pub fn commit(mut self) -> i64 {
        let base_offset = self.reserve_offsets();
        let sequence = {
            let mut state = self.partition.state.lock();
            state.records += self.records.unsigned_abs();
            state.bytes += self.bytes;
            self.place.and_then(|place| state.producers.sequence(place))
        };
        if let Some(sequence) = sequence {
            let Partition { place, lasting, .. } = &*self.partition;
            lasting.history.committed(place, Committed { sequence, base_offset });
        }
        if let Err(error) = self.partition.lasting.numbers.reserve_offsets(base_offset + self.records) {
            // The rows are written, so the producer must hear that; only the promise that offsets never repeat
            // after a restart is at stake.
            tracing::error!(%error, "cannot reserve offsets in the data dir; they may repeat after a restart");
        }
        self.settle(Verdict::Committed { base_offset });
        base_offset
    }

    /// Waits until it is known what became of the same producer's batches before this one.
    pub async fn earlier_settled(&self) {
        let Some(place) = self.place else { return };
        let open = self.partition.state.lock().producers.open_before(place);
        for mut verdict in open {
            // Err: it failed, and this one is out of line.
            let _ = verdict.wait_for(Option::is_some).await;
        }
    }

    /// Whether no batch of the same producer before this one has failed, so that this one may be taken.
    pub fn is_in_line(&self) -> bool {
        self.place.is_none_or(|place| self.partition.state.lock().producers.is_in_line(place))
    }

    /// The batch can never be written as it is. Its sequence numbers count as used, so that its followers are
    /// still in order.
    pub fn reject(mut self, rejection: Arc<Rejection>) {
        self.settle(Verdict::Rejected(rejection));
    }

    fn settle(&mut self, verdict: Verdict) {
        self.verdict.send_replace(Some(verdict));
        if let Some(place) = self.place.take() {
            self.partition.state.lock().producers.settled(place);
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.partition.state.lock().producers.failed(place);
        }
    }
}

/// The first attempt of a batch that was sent again.
#[derive(Debug)]
pub struct Earlier(watch::Receiver<Option<Verdict>>);

impl Earlier {
    /// Waits for what becomes of it; nothing where it failed, so that the batch has to be sent once more.
    pub async fn verdict(mut self) -> Option<Verdict> {
        self.0.wait_for(Option::is_some).await.ok().and_then(|verdict| verdict.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::super::Numbers;
    use super::*;

    fn partition() -> Arc<Partition> {
        let numbers = Arc::new(Numbers::from_clock(SystemTime::now()));
        let lasting = Lasting { numbers, history: Arc::default() };
        Arc::new(Partition::new(("t".into(), 0), lasting))
    }

    fn admitted(admission: Admission) -> Admitted {
        match admission {
            Admission::Admitted(admitted) => admitted,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn offsets_are_dense_in_the_order_of_commits() {
        let partition = partition();
        let (a, b) = (admitted(partition.admit(-1, -1, -1, 3)), admitted(partition.admit(-1, -1, -1, 4)));
        let dropped = admitted(partition.admit(-1, -1, -1, 100));
        drop(dropped);
        assert_eq!(b.commit(), partition.first_offset());
        assert_eq!(a.commit(), partition.first_offset() + 4);
        assert_eq!(partition.next_offset(), partition.first_offset() + 7);
    }

    #[test]
    fn offsets_that_were_reserved_stay_those_of_the_batch() {
        let partition = partition();
        let (mut a, b) = (admitted(partition.admit(-1, -1, -1, 3)), admitted(partition.admit(-1, -1, -1, 4)));
        let first = a.reserve_offsets();
        assert_eq!(b.commit(), first + 3);
        assert_eq!(a.reserve_offsets(), first);
        assert_eq!(a.commit(), first);
        let mut failed = admitted(partition.admit(-1, -1, -1, 5));
        failed.reserve_offsets();
        drop(failed);
        assert_eq!(partition.next_offset(), first + 12);
    }

    #[tokio::test]
    async fn a_copy_waits_for_the_first_attempt_and_gets_its_offset() {
        let partition = partition();
        let first = admitted(partition.admit(1, 0, 0, 10));
        let Admission::Duplicate(copy) = partition.admit(1, 0, 0, 10) else { panic!() };
        let copy = tokio::spawn(copy.verdict());
        let base_offset = first.commit();
        assert_eq!(copy.await.unwrap(), Some(Verdict::Committed { base_offset }));
        assert_eq!(partition.next_offset(), base_offset + 10);
    }

    #[tokio::test]
    async fn a_copy_of_a_failed_attempt_has_to_be_sent_again() {
        let partition = partition();
        let first = admitted(partition.admit(1, 0, 0, 10));
        let Admission::Duplicate(copy) = partition.admit(1, 0, 0, 10) else { panic!() };
        drop(first);
        assert_eq!(copy.verdict().await, None);
        admitted(partition.admit(1, 0, 0, 10));
    }

    #[tokio::test]
    async fn a_rejected_batch_does_not_stop_its_followers() {
        let partition = partition();
        let bad = admitted(partition.admit(1, 0, 0, 10));
        let follower = admitted(partition.admit(1, 0, 10, 10));
        bad.reject(Arc::default());
        follower.commit();
        admitted(partition.admit(1, 0, 20, 10));
        let Admission::Duplicate(copy) = partition.admit(1, 0, 0, 10) else { panic!() };
        assert_eq!(copy.verdict().await, Some(Verdict::Rejected(Arc::default())));
    }
}
