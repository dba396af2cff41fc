use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tokio::sync::oneshot;

use crate::memory::Charge;
use crate::rows::{Block, RowError};

/// What became of a block. An outcome is a value; `api/produce` alone turns it into an error code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// QuestDB has committed every row.
    Committed,
    /// QuestDB refused these rows, and nothing of the block was written.
    Rejected(Vec<RowError>),
    /// Certainly not written: QuestDB could not be reached, or did not take it.
    Unavailable(Arc<str>),
    /// Sent, and the answer never came: it may be written or not.
    Unknown(Arc<str>),
}

/// A block on its way to QuestDB, with what a lane has to know about it.
#[derive(Debug)]
pub struct Submission {
    /// The rows.
    pub block: Block,
    /// The Kafka partition: rows of one (table, partition) stay in order, on one lane.
    pub partition: i32,
    /// Until when a lane may keep trying to reach QuestDB before it answers [`Outcome::Unavailable`].
    pub deadline: Instant,
    /// Set for an idempotent producer's batch: once void, the block must not be written any more.
    pub fence: Option<FenceToken>,
    /// The block's share of the memory budget, held until the outcome is known.
    pub charge: Charge,
    /// Takes the outcome. Dropped unresolved, the ticket reads [`Outcome::Unknown`].
    pub resolver: Resolver,
}

/// Keeps an idempotent producer's batches in order when one of them fails: all that follow it in flight are void
/// and must be sent again, as the producer will do from the failed one on.
#[derive(Clone, Debug, Default)]
pub struct Fence(Arc<AtomicU64>);

impl Fence {
    /// A token for a batch that is admitted now.
    pub fn token(&self) -> FenceToken {
        FenceToken { generation: self.0.load(Ordering::Acquire), fence: self.clone() }
    }
}

/// A batch's place before or behind a [`Fence`].
#[derive(Clone, Debug)]
pub struct FenceToken {
    fence: Fence,
    generation: u64,
}

impl FenceToken {
    /// Whether a batch before this one failed, so that this one must not be written.
    pub fn is_void(&self) -> bool {
        self.fence.0.load(Ordering::Acquire) != self.generation
    }

    /// Voids this batch and all that were admitted since. The lane calls it at the moment it gives a block up, so
    /// that no follower can be written before the producer's state hears of the failure. Where a batch before
    /// this one failed already it does nothing: what came after that failure is in order again.
    pub fn void(&self) {
        let next = self.generation.wrapping_add(1);
        let _ = self.fence.0.compare_exchange(self.generation, next, Ordering::AcqRel, Ordering::Acquire);
    }
}

/// Makes a [`Ticket`] and the [`Resolver`] that it waits for.
pub fn ticket() -> (Resolver, Ticket) {
    let (sender, receiver) = oneshot::channel();
    (Resolver(sender), Ticket(receiver))
}

/// The sink's end of a ticket.
#[derive(Debug)]
pub struct Resolver(oneshot::Sender<Outcome>);

impl Resolver {
    /// Says what became of the block. Nobody may be waiting any more; that is fine.
    pub fn resolve(self, outcome: Outcome) {
        let _ = self.0.send(outcome);
    }
}

/// Resolves to a block's [`Outcome`].
#[derive(Debug)]
pub struct Ticket(oneshot::Receiver<Outcome>);

impl Ticket {
    /// Waits for the outcome. A dropped completion is an error for the producer, never a success.
    pub async fn outcome(self) -> Outcome {
        self.0.await.unwrap_or_else(|_| Outcome::Unknown("the gateway lost track of the write".into()))
    }
}
