//! What the demo shows, as text.

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;

/// Half of all were as fast as this, and all but one of a hundred.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Latency {
    pub p50: Duration,
    pub p99: Duration,
}

impl Latency {
    /// From a histogram of microseconds.
    pub fn of(micros: &Histogram<u64>) -> Self {
        let quantile = |quantile| Duration::from_micros(micros.value_at_quantile(quantile));
        Self { p50: quantile(0.5), p99: quantile(0.99) }
    }
}

/// One look at everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Figures {
    pub elapsed: Duration,
    pub sent: u64,
    pub acked: u64,
    pub failed: u64,
    /// Rows that a SELECT sees, beyond those that were there before; unknown while QuestDB does not say.
    pub visible: Option<u64>,
    /// Acknowledged, lately.
    pub rows_per_second: u64,
    /// From send to reply, lately.
    pub ack: Latency,
    /// How old the newest row is that a SELECT sees, while rows come in.
    pub newest_row: Option<Duration>,
    pub last_error: Option<String>,
}

impl Figures {
    /// The lines of the screen that change.
    pub fn screen(&self) -> Vec<String> {
        let visible = self.visible.map_or_else(|| "?".to_owned(), thousands);
        let newest = self.newest_row.map_or_else(|| "-".to_owned(), |age| millis(age).to_string());
        vec![
            format!(
                "  rows/s         {:<14} running for {}",
                thousands(self.rows_per_second),
                clock(self.elapsed)
            ),
            format!("  sent           {}", thousands(self.sent)),
            format!("  acknowledged   {:<14} committed by QuestDB", thousands(self.acked)),
            format!("  visible        {visible:<14} counted by SELECT in QuestDB"),
            format!("  send -> ack    p50 {}, p99 {}", millis(self.ack.p50), millis(self.ack.p99)),
            format!("  send -> query  {newest:<14} age of the newest row that a SELECT sees"),
            match (&self.last_error, self.failed) {
                (None, _) => String::new(),
                (Some(error), failed) => format!("  not written    {}; last: {error}", thousands(failed)),
            },
        ]
    }

    /// The same on one line, for a log or a pipe.
    pub fn line(&self) -> String {
        let visible = self.visible.map_or_else(|| "?".to_owned(), thousands);
        let newest = self.newest_row.map(|age| format!(", newest visible row {} old", millis(age)));
        let error =
            self.last_error.as_ref().map(|error| format!(", not written: {}, last: {error}", self.failed));
        format!(
            "{} {} rows/s, {} sent, {} acked, {visible} visible, ack p50 {} p99 {}{}{}",
            clock(self.elapsed),
            thousands(self.rows_per_second),
            thousands(self.sent),
            thousands(self.acked),
            millis(self.ack.p50),
            millis(self.ack.p99),
            newest.unwrap_or_default(),
            error.unwrap_or_default(),
        )
    }

    /// What is said at the end; `overall` is from the first batch on, for which QuestDB made the table.
    pub fn summary(&self, overall: Latency) -> String {
        let seconds = self.elapsed.as_secs_f64();
        let visible = self.visible.map_or_else(|| "an unknown number".to_owned(), thousands);
        format!(
            "{seconds:.1} s: {} rows sent, {} acknowledged, {visible} visible in QuestDB; {} rows/s, \
             send to ack p50 {}, p99 {}, lately {} and {}",
            thousands(self.sent),
            thousands(self.acked),
            thousands((self.acked as f64 / seconds.max(0.001)) as u64),
            millis(overall.p50),
            millis(overall.p99),
            millis(self.ack.p50),
            millis(self.ack.p99),
        )
    }
}

/// `1234567` as `1,234,567`.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn clock(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    format!("{:02}:{:02}", seconds / 60, seconds % 60)
}

fn millis(duration: Duration) -> impl fmt::Display {
    let millis = duration.as_secs_f64() * 1_000.0;
    let decimals = if millis < 100.0 { 1 } else { 0 };
    format!("{millis:.decimals$} ms")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_easy_to_read() {
        let texts = [0, 7, 999, 1_000, 1_234_567, 100_000].map(thousands);
        assert_eq!(texts, ["0", "7", "999", "1,000", "1,234,567", "100,000"]);
    }

    #[test]
    fn a_line_and_a_summary_say_it_all() {
        let figures = Figures {
            elapsed: Duration::from_millis(20_020),
            sent: 1_000_000,
            acked: 999_000,
            failed: 1_000,
            visible: Some(998_000),
            rows_per_second: 50_012,
            ack: Latency { p50: Duration::from_micros(3_140), p99: Duration::from_millis(123) },
            newest_row: Some(Duration::from_millis(12)),
            last_error: Some("connection to x: closed".to_owned()),
        };
        assert_eq!(
            figures.line(),
            "00:20 50,012 rows/s, 1,000,000 sent, 999,000 acked, 998,000 visible, ack p50 3.1 ms p99 123 ms, \
             newest visible row 12.0 ms old, not written: 1000, last: connection to x: closed"
        );
        assert_eq!(
            figures.summary(Latency { p50: Duration::from_millis(4), p99: Duration::from_millis(682) }),
            "20.0 s: 1,000,000 rows sent, 999,000 acknowledged, 998,000 visible in QuestDB; 49,900 rows/s, \
             send to ack p50 4.0 ms, p99 682 ms, lately 3.1 ms and 123 ms"
        );
        assert_eq!(figures.screen().len(), Figures::default().screen().len(), "the screen keeps its height");
    }
}
