//! One byte budget for everything between the sockets and QuestDB.
//!
//! Bytes are charged as they arrive, never by the length that a frame announces. Near the limit sockets are not
//! read, so that producers block as they would on a slow broker. Three rules keep that from ending in a standstill:
//!
//! - Frames that are still incomplete cannot hold the budget for ever: when they fill most of it and somebody
//!   waits for room, the one that has gone longest without progress gives way.
//! - Decoding makes a frame's bytes into blocks, which are charged too. It waits for room, except that one decode
//!   at a time goes ahead when no block is outstanding: complete frames alone can never block each other.
//! - What is charged is charged even over the limit. The excess is bounded by what the decoding threads can hold.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The budget. Clones share it.
#[derive(Clone, Debug)]
pub struct MemoryBudget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limit_bytes: usize,
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct State {
    used: usize,
    /// Bytes of blocks that wait for QuestDB.
    blocks: usize,
    /// Decodes that go on at the moment.
    decoding: usize,
    incomplete: HashMap<u64, IncompleteFrame>,
    incomplete_bytes: usize,
    next_frame: u64,
}

#[derive(Debug)]
struct IncompleteFrame {
    bytes: usize,
    progress: Instant,
    evicted: Arc<Notify>,
}

impl MemoryBudget {
    /// A budget of so many bytes.
    pub fn new(limit_bytes: usize) -> Self {
        Self(Arc::new(Shared { limit_bytes, state: Mutex::default(), freed: Notify::new() }))
    }

    /// The bytes charged at the moment.
    pub fn used_bytes(&self) -> usize {
        self.0.state.lock().used
    }

    /// The limit, in bytes.
    pub fn limit_bytes(&self) -> usize {
        self.0.limit_bytes
    }

    /// Whether a socket may be read now.
    pub fn has_room(&self) -> bool {
        self.0.state.lock().used < self.0.limit_bytes
    }

    /// Waits until a socket may be read, making the stalest incomplete frame give way where such frames fill the
    /// budget.
    pub async fn room(&self) {
        self.wait_until(|state, limit| {
            let room = state.used < limit;
            if !room && state.incomplete_bytes >= limit / 4 * 3 {
                state.evict_stalest();
            }
            room
        })
        .await;
    }

    /// Waits for the turn to decode a record batch.
    pub async fn decode_turn(&self) -> DecodeTurn {
        self.wait_until(|state, limit| {
            let turn = state.used < limit || (state.blocks == 0 && state.decoding == 0);
            if turn {
                state.decoding += 1;
            }
            turn
        })
        .await;
        DecodeTurn(self.clone())
    }

    /// Starts the account of a frame that is about to arrive.
    pub fn frame(&self) -> FrameCharge {
        let mut state = self.0.state.lock();
        let id = state.next_frame;
        state.next_frame += 1;
        let evicted = Arc::new(Notify::new());
        let frame = IncompleteFrame { bytes: 0, progress: Instant::now(), evicted: evicted.clone() };
        state.incomplete.insert(id, frame);
        FrameCharge { budget: self.clone(), id, bytes: 0, evicted }
    }

    async fn wait_until(&self, mut ready: impl FnMut(&mut State, usize) -> bool) {
        loop {
            let freed = self.0.freed.notified();
            tokio::pin!(freed);
            // Registered before the check, or a release between check and wait would go unheard.
            freed.as_mut().enable();
            if ready(&mut self.0.state.lock(), self.0.limit_bytes) {
                return;
            }
            freed.await;
        }
    }

    fn release(&self, change: impl FnOnce(&mut State)) {
        let had_room = {
            let mut state = self.0.state.lock();
            let had_room = state.used < self.0.limit_bytes;
            change(&mut state);
            had_room
        };
        // Nobody waits while there is room, and waking all who wait is dear when there are thousands.
        if !had_room {
            self.0.freed.notify_waiters();
        }
    }
}

impl State {
    fn evict_stalest(&mut self) {
        let stalest =
            self.incomplete.values().filter(|frame| frame.bytes > 0).min_by_key(|frame| frame.progress);
        if let Some(frame) = stalest {
            // The connection gives the bytes back when it ends. Until then the frame stays the stalest, so that
            // several waiters do not evict several frames.
            frame.evicted.notify_one();
        }
    }
}

/// The account of one frame: first incomplete, then complete, given back when dropped.
#[derive(Debug)]
pub struct FrameCharge {
    budget: MemoryBudget,
    id: u64,
    bytes: usize,
    evicted: Arc<Notify>,
}

impl FrameCharge {
    /// Charges bytes that have arrived.
    pub fn arrived(&mut self, bytes: usize) {
        self.bytes += bytes;
        let mut state = self.budget.0.state.lock();
        state.used += bytes;
        if let Some(frame) = state.incomplete.get_mut(&self.id) {
            frame.bytes += bytes;
            frame.progress = Instant::now();
            state.incomplete_bytes += bytes;
        }
    }

    /// Says that the whole frame is there: from now on it is work, which nobody evicts. `surplus_bytes` of what was
    /// charged belong to the next frame and are given back here.
    pub fn complete(&mut self, surplus_bytes: usize) {
        self.bytes -= surplus_bytes;
        self.budget.release(|state| {
            state.used -= surplus_bytes;
            if let Some(frame) = state.incomplete.remove(&self.id) {
                state.incomplete_bytes -= frame.bytes;
            }
        });
    }

    /// Resolves when this frame has to give way.
    pub async fn evicted(&self) {
        self.evicted.notified().await;
    }
}

impl Drop for FrameCharge {
    fn drop(&mut self) {
        self.complete(0);
        self.budget.release(|state| state.used -= self.bytes);
    }
}

/// The turn to decode one record batch.
#[derive(Debug)]
pub struct DecodeTurn(MemoryBudget);

impl DecodeTurn {
    /// Charges what the decode produced.
    pub fn charge(&self, bytes: usize) -> Charge {
        let mut state = self.0.0.state.lock();
        state.used += bytes;
        state.blocks += bytes;
        Charge { budget: self.0.clone(), bytes }
    }
}

impl Drop for DecodeTurn {
    fn drop(&mut self) {
        self.0.release(|state| state.decoding -= 1);
    }
}

/// A block's bytes; given back when dropped.
#[derive(Debug)]
pub struct Charge {
    budget: MemoryBudget,
    bytes: usize,
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.release(|state| {
            state.used -= self.bytes;
            state.blocks -= self.bytes;
        });
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::time::Duration;

    use super::*;

    async fn is_pending(future: impl Future) -> bool {
        tokio::time::timeout(Duration::from_millis(20), future).await.is_err()
    }

    #[tokio::test]
    async fn a_full_budget_stops_reading_until_bytes_are_given_back() {
        let budget = MemoryBudget::new(100);
        let mut frame = budget.frame();
        frame.arrived(100);
        frame.complete(0);
        assert!(!budget.has_room());
        assert!(is_pending(budget.room()).await);
        let waiting = tokio::spawn({
            let budget = budget.clone();
            async move { budget.room().await }
        });
        drop(frame);
        waiting.await.unwrap();
        assert_eq!(budget.used_bytes(), 0);
    }

    #[tokio::test]
    async fn the_stalest_incomplete_frame_gives_way() {
        let budget = MemoryBudget::new(100);
        let (mut stale, mut fresh) = (budget.frame(), budget.frame());
        stale.arrived(60);
        tokio::time::sleep(Duration::from_millis(2)).await;
        fresh.arrived(60);
        assert!(is_pending(budget.room()).await);
        tokio::time::timeout(Duration::from_secs(5), stale.evicted()).await.unwrap();
        assert!(is_pending(fresh.evicted()).await);
    }

    #[tokio::test]
    async fn complete_frames_are_never_evicted() {
        let budget = MemoryBudget::new(100);
        let mut frame = budget.frame();
        frame.arrived(120);
        frame.complete(0);
        assert!(is_pending(budget.room()).await);
        assert!(is_pending(frame.evicted()).await);
    }

    #[tokio::test]
    async fn complete_frames_that_fill_the_budget_are_decoded_one_at_a_time() {
        let budget = MemoryBudget::new(100);
        let mut frame = budget.frame();
        frame.arrived(100);
        frame.complete(0);
        let turn = budget.decode_turn().await;
        assert!(is_pending(budget.decode_turn()).await);
        let block = turn.charge(50);
        drop(turn);
        assert!(is_pending(budget.decode_turn()).await, "a block is outstanding");
        drop(block);
        budget.decode_turn().await;
    }
}
