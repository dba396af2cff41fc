use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Lets so many log lines through in an interval, and counts the others: what a peer can cause must not fill the disk,
/// and what happens all the time must not hide what happens once.
#[derive(Debug)]
pub struct LogLimit {
    lines: u32,
    interval: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    since: Instant,
    let_through: u32,
    suppressed: u64,
}

impl LogLimit {
    /// So many lines an interval.
    pub fn new(lines: u32, interval: Duration) -> Self {
        let state = State { since: Instant::now(), let_through: 0, suppressed: 0 };
        Self { lines, interval, state: Mutex::new(state) }
    }

    /// Whether a line may be written now; if so, how many were not since the last one.
    pub fn let_through(&self) -> Option<u64> {
        let mut state = self.state.lock();
        if state.since.elapsed() >= self.interval {
            state.since = Instant::now();
            state.let_through = 0;
        }
        if state.let_through == self.lines {
            state.suppressed += 1;
            return None;
        }
        state.let_through += 1;
        Some(std::mem::take(&mut state.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_over_the_limit_are_counted_and_told_with_the_next_one() {
        let limit = LogLimit::new(2, Duration::from_millis(20));
        let told: Vec<_> = (0..5).map(|_| limit.let_through()).collect();
        assert_eq!(told, [Some(0), Some(0), None, None, None]);
        std::thread::sleep(Duration::from_millis(25));
        assert_eq!(limit.let_through(), Some(3));
    }
}
