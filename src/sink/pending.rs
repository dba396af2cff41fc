use std::sync::Arc;

use tokio::time::Instant;

use super::outcome::{Outcome, Resolver, Submission};
use crate::fence::FenceToken;
use crate::memory::Charge;
use crate::rows::{Block, RowError};

/// A submission in a lane's hands. It cannot be lost silently: dropped without an outcome, as a panic does, it reads
/// [`Outcome::Unknown`], and its producer's later batches are void.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) block: Block,
    pub(super) deadline: Instant,
    pub(super) partition: i32,
    /// What its sender knows the batch by.
    pub(super) label: Option<String>,
    /// It has let a request go without it, so that those behind in time could catch up; the next one takes it.
    pub(super) held_back: bool,
    fence: Option<FenceToken>,
    resolver: Option<Resolver>,
    /// Given back after the outcome is known.
    _charge: Charge,
}

impl Pending {
    pub(super) fn new(submission: Submission) -> Self {
        Self {
            block: submission.block,
            deadline: submission.deadline,
            partition: submission.partition,
            label: submission.label,
            held_back: false,
            fence: submission.fence,
            resolver: Some(submission.resolver),
            _charge: submission.charge,
        }
    }

    /// Whether an earlier batch of the same producer failed.
    pub(super) fn is_void(&self) -> bool {
        self.fence.as_ref().is_some_and(FenceToken::is_void)
    }

    pub(super) fn committed(mut self) {
        self.finish(Outcome::Committed);
    }

    /// What is good of the batch may be written without the row, and no follower before it.
    pub(super) fn rejected(mut self, error: RowError) {
        if let Some(fence) = &self.fence {
            fence.void_followers();
        }
        self.finish(Outcome::Rejected(vec![error]));
    }

    pub(super) fn unavailable(mut self, why: Arc<str>) {
        self.finish(Outcome::Unavailable(why));
    }

    pub(super) fn unknown(mut self, why: Arc<str>) {
        self.finish(Outcome::Unknown(why));
    }

    fn finish(&mut self, outcome: Outcome) {
        let Some(resolver) = self.resolver.take() else { return };
        if matches!(outcome, Outcome::Unavailable(_) | Outcome::Unknown(_))
            && let Some(fence) = &self.fence
        {
            // Before anybody can hear of it: no later batch of this producer may be written from here on.
            fence.void();
        }
        resolver.resolve(outcome);
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.finish(Outcome::Unknown("the gateway lost track of the write".into()));
    }
}
