//! Order among the batches of an idempotent producer, across all that may give one of them up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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

    /// Voids this batch and all that were admitted since. Whoever gives a batch up calls it at that moment, so
    /// that no follower can be written before the producer's state hears of the failure. Where a batch before
    /// this one failed already it does nothing: what came after that failure is in order again.
    pub fn void(&self) {
        let next = self.generation.wrapping_add(1);
        let _ = self.fence.0.compare_exchange(self.generation, next, Ordering::AcqRel, Ordering::Acquire);
    }
}
