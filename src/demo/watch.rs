//! Turns what the producer counts and what QuestDB shows into figures.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::figures::{Figures, Latency};
use super::traffic::{Tally, latencies};
use super::visible::VisibleRows;

/// Recent latencies are of the last one to two of these.
const RECENT: Duration = Duration::from_secs(5);
/// Rows per second are of this many looks, about two seconds.
const RATE_LOOKS: usize = 8;

pub(super) struct Watch {
    started: Instant,
    tally: Arc<Tally>,
    /// Acknowledged rows at the last looks.
    acked_lately: VecDeque<(Instant, u64)>,
    visible: Option<u64>,
    /// Of all batches.
    overall: Histogram<u64>,
    /// Of the batches since `turned`, and of those in the [`RECENT`] before.
    current: Histogram<u64>,
    previous: Histogram<u64>,
    turned: Instant,
}

impl Watch {
    pub fn new(tally: Arc<Tally>) -> Self {
        let started = Instant::now();
        Self {
            started,
            tally,
            acked_lately: VecDeque::new(),
            visible: None,
            overall: latencies(),
            current: latencies(),
            previous: latencies(),
            turned: started,
        }
    }

    pub fn running_for(&self) -> Duration {
        self.started.elapsed()
    }

    pub async fn look(&mut self, visible: &mut VisibleRows) -> Figures {
        let seen = visible.look().await.ok();
        let now = Instant::now();
        let acked = self.tally.acked.load(Ordering::Relaxed);
        // When nothing new comes in, the age of the newest row says nothing about latency.
        let is_growing = seen.is_some_and(|seen| self.visible.is_some_and(|before| seen.rows > before));
        self.visible = seen.map(|seen| seen.rows);
        Figures {
            elapsed: now.duration_since(self.started),
            sent: self.tally.sent.load(Ordering::Relaxed),
            acked,
            failed: self.tally.failed.load(Ordering::Relaxed),
            visible: self.visible,
            rows_per_second: self.rows_per_second(now, acked),
            ack: self.recent_latency(now),
            newest_row: seen.filter(|_| is_growing).and_then(|seen| seen.newest),
            last_error: self.tally.last_error.lock().as_ref().map(ToString::to_string),
        }
    }

    pub fn summary(&self, last: &Figures) -> String {
        last.summary(Latency::of(&self.overall))
    }

    fn rows_per_second(&mut self, now: Instant, acked: u64) -> u64 {
        self.acked_lately.push_back((now, acked));
        if self.acked_lately.len() > RATE_LOOKS {
            self.acked_lately.pop_front();
        }
        let (then, acked_then) = self.acked_lately.front().copied().unwrap_or((now, acked));
        let seconds = now.duration_since(then).as_secs_f64();
        if seconds > 0.0 { ((acked - acked_then) as f64 / seconds) as u64 } else { 0 }
    }

    fn recent_latency(&mut self, now: Instant) -> Latency {
        if now.duration_since(self.turned) > RECENT {
            self.turned = now;
            std::mem::swap(&mut self.previous, &mut self.current);
            self.current.reset();
        }
        let mut new = self.tally.ack_micros.lock();
        // All of them grow as they must, so an addition does not fail.
        let _ = self.overall.add(&*new).and_then(|()| self.current.add(&*new));
        new.reset();
        drop(new);
        let mut recent = self.previous.clone();
        let _ = recent.add(&self.current);
        Latency::of(&recent)
    }
}
