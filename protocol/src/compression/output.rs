//! Where decompressed bytes go: a buffer that grows as they are produced, is kept for the next batch, and
//! shrinks again when a large batch was an exception.

use super::Failure;
use crate::limits::{INITIAL_BUFFER_BYTES, RETAINED_BUFFER_BYTES, SMALL_USES_BEFORE_SHRINKING};

/// A growing buffer with a limit.
#[derive(Default)]
pub(super) struct Output {
    /// Initialised over its whole length, so that reuse costs no zeroing.
    buffer: Vec<u8>,
    produced: usize,
    limit: usize,
    small_uses: u32,
}

impl Output {
    /// Forgets the last batch.
    pub(super) fn start(&mut self, limit: usize) {
        // What was produced last tells whether so large a buffer is still needed.
        if self.buffer.len() > RETAINED_BUFFER_BYTES && self.produced <= RETAINED_BUFFER_BYTES {
            self.small_uses = self.small_uses.saturating_add(1);
            if self.small_uses >= SMALL_USES_BEFORE_SHRINKING {
                self.shrink();
            }
        } else {
            self.small_uses = 0;
        }
        self.produced = 0;
        self.limit = limit;
    }

    pub(super) fn produced(&self) -> &[u8] {
        self.buffer.get(..self.produced).unwrap_or_default()
    }

    pub(super) fn capacity(&self) -> usize {
        self.buffer.capacity()
    }

    pub(super) fn shrink(&mut self) {
        self.buffer.truncate(RETAINED_BUFFER_BYTES);
        self.buffer.shrink_to(RETAINED_BUFFER_BYTES);
        self.small_uses = 0;
    }

    /// Bytes that may still be produced.
    pub(super) fn left(&self) -> usize {
        self.limit.saturating_sub(self.produced)
    }

    /// At least `wanted` bytes behind what was produced, or as much as the limit leaves.
    ///
    /// Callers ask for no more than what their input can really become. When the buffer is full, it doubles.
    pub(super) fn room(&mut self, wanted: usize) -> Result<&mut [u8], Failure> {
        let needed = self.produced.saturating_add(wanted).min(self.limit);
        if needed > self.buffer.len() {
            let grown = self.buffer.len().saturating_mul(2).max(INITIAL_BUFFER_BYTES).max(needed);
            self.buffer.resize(grown.min(self.limit), 0);
        }
        let end = self.buffer.len().min(self.limit);
        self.buffer.get_mut(self.produced..end).ok_or(Failure::LimitReached)
    }

    /// What was produced, at most the last `window` bytes since `start`, and the room behind it.
    pub(super) fn room_with_history(
        &mut self,
        wanted: usize,
        start: usize,
        window: usize,
    ) -> Result<(&[u8], &mut [u8]), Failure> {
        self.room(wanted)?;
        let end = self.produced.saturating_add(wanted).min(self.limit);
        let from = self.produced.saturating_sub(window).max(start);
        let split = self.buffer.get_mut(..end).and_then(|buffer| buffer.split_at_mut_checked(self.produced));
        let Some((history, room)) = split else { return Err(Failure::LimitReached) };
        Ok((history.get(from..).unwrap_or_default(), room))
    }

    /// The whole buffer, for a codec that writes all at once: at least `wanted` bytes, or the limit.
    ///
    /// What was produced is lost; growth need not copy it.
    pub(super) fn whole(&mut self, wanted: usize) -> &mut [u8] {
        self.produced = 0;
        let needed = wanted.min(self.limit);
        if needed > self.buffer.len() {
            // Zeroed pages come from the system as they are touched.
            self.buffer = Vec::new();
            self.buffer = vec![0; needed];
        }
        let end = self.buffer.len().min(self.limit);
        self.buffer.get_mut(..end).unwrap_or_default()
    }

    /// `count` bytes were written to the room.
    pub(super) fn advance(&mut self, count: usize) {
        self.produced = self.produced.saturating_add(count);
    }

    pub(super) fn position(&self) -> usize {
        self.produced
    }
}
