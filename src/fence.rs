//! Order among the batches of an idempotent producer, across all that may give one of them up.

use std::ops::Range;
use std::sync::Arc;

use parking_lot::Mutex;

/// Gaps that are remembered one by one. Beyond it the oldest batches are void that are still under way, which costs no
/// more than that they are sent again.
const GAPS_REMEMBERED: usize = 16;

/// Keeps an idempotent producer's batches in order when one of them fails: all that follow it in flight are void
/// and must be sent again, as the producer will do from the failed one on. Until the fence is mended, whatever comes is
/// void, too.
#[derive(Clone, Debug, Default)]
pub struct Fence(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// The next batch's number.
    next: u64,
    gap: Option<Gap>,
    /// The numbers of batches that were void when the fence was mended, in order; they neither overlap nor touch.
    void: Vec<Range<u64>>,
}

/// Where the fence is broken.
#[derive(Clone, Copy, Debug)]
struct Gap {
    /// The batch that has broken it.
    by: u64,
    /// From this batch on all are void.
    from: u64,
}

impl Fence {
    /// A token for a batch that is admitted now, behind all before it.
    pub fn token(&self) -> FenceToken {
        let mut state = self.0.lock();
        let number = state.next;
        state.next += 1;
        FenceToken { fence: self.clone(), number }
    }

    /// Whether a batch has failed and its followers have not all heard of it.
    pub fn is_broken(&self) -> bool {
        self.0.lock().gap.is_some()
    }

    /// What is admitted from now on is in order again, if none of the batches that are `open` has a say in that: the one
    /// that has broken the fence, or one behind it.
    pub fn mend<'a>(&self, open: impl IntoIterator<Item = &'a FenceToken>) {
        let mut state = self.0.lock();
        if let Some(gap) = state.gap
            && open.into_iter().all(|token| token.number < gap.by)
        {
            state.gap = None;
            let next = state.next;
            state.remember(gap.from..next);
        }
    }
}

impl State {
    fn remember(&mut self, mut void: Range<u64>) {
        while let Some(last) = self.void.pop_if(|last| last.end >= void.start) {
            void.start = void.start.min(last.start);
        }
        if !void.is_empty() {
            self.void.push(void);
        }
        if self.void.len() > GAPS_REMEMBERED {
            let oldest = self.void.remove(0);
            if let Some(next) = self.void.first_mut() {
                next.start = oldest.start;
            }
        }
    }

    fn is_void(&self, number: u64) -> bool {
        self.gap.is_some_and(|gap| number >= gap.from) || self.void.iter().any(|void| void.contains(&number))
    }

    fn breaks(&mut self, by: u64, from: u64) {
        // Where it is void itself, what came after the one before it is in order again, or will be.
        if !self.is_void(by) {
            self.gap = Some(Gap { by, from });
        }
    }
}

/// A batch's place before or behind the gaps of a [`Fence`].
#[derive(Clone, Debug)]
pub struct FenceToken {
    fence: Fence,
    number: u64,
}

impl FenceToken {
    /// Whether a batch before this one failed, so that this one must not be written.
    pub fn is_void(&self) -> bool {
        self.fence.0.lock().is_void(self.number)
    }

    /// Voids this batch and all that were admitted since. Whoever gives a batch up calls it at that moment, so
    /// that no follower can be written before the producer's state hears of the failure. Where a batch before
    /// this one failed already it does nothing: what came after that failure is in order again.
    pub fn void(&self) {
        self.fence.0.lock().breaks(self.number, self.number);
    }

    /// Voids all that were admitted since this batch, of which a part may be written later than them.
    pub fn void_followers(&self) {
        self.fence.0.lock().breaks(self.number, self.number + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn void(tokens: &[FenceToken]) -> Vec<bool> {
        tokens.iter().map(FenceToken::is_void).collect()
    }

    #[test]
    fn what_follows_a_failure_is_void_and_what_was_before_it_is_not() {
        let fence = Fence::default();
        let tokens: Vec<_> = (0..3).map(|_| fence.token()).collect();
        tokens[1].void();
        assert!(fence.is_broken() && fence.token().is_void());
        assert_eq!(void(&tokens), [false, true, true]);
        // The failure is heard of late.
        tokens[2].void();
        fence.mend([&tokens[0]]);
        assert!(!fence.is_broken());
        let again = fence.token();
        tokens[2].void();
        assert!(!again.is_void());
        assert_eq!(void(&tokens), [false, true, true]);
        tokens[0].void();
        assert!(again.is_void());
    }

    #[test]
    fn only_the_followers_are_void_where_the_batch_may_still_be_written() {
        let fence = Fence::default();
        let tokens: Vec<_> = (0..3).map(|_| fence.token()).collect();
        tokens[1].void_followers();
        assert_eq!(void(&tokens), [false, false, true]);
        fence.mend(&tokens);
        assert!(fence.is_broken(), "the one that has broken it is open");
        tokens[1].void();
        assert_eq!(void(&tokens), [false, true, true]);
        fence.mend(&tokens[..1]);
        assert!(!fence.token().is_void());
    }

    #[test]
    fn many_gaps_are_remembered_in_a_few() {
        let fence = Fence::default();
        let old = fence.token();
        for _ in 0..100 {
            let (good, bad) = (fence.token(), fence.token());
            bad.void();
            fence.mend([]);
            assert!(bad.is_void() && !good.is_void());
        }
        assert!(fence.0.lock().void.len() <= GAPS_REMEMBERED);
        assert!(!old.is_void() && !fence.token().is_void());
    }
}
