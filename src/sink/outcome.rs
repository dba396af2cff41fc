use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::fence::FenceToken;
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
    /// What its sender knows the batch by, where it wants to be told after a crash of the gateway whether it was written:
    /// see [`recover`](super::recover). Only of a block that is all there is of the batch.
    pub label: Option<String>,
    /// The block's share of the memory budget, held until the outcome is known.
    pub charge: Charge,
    /// Takes the outcome. Dropped unresolved, the ticket reads [`Outcome::Unknown`].
    pub resolver: Resolver,
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
