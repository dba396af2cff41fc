use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::answer::{Answer, Rejection};
use super::doubt::{Finding, Inquiry};
use super::ledger::Ledger;
use super::metrics::{AnswerKind, SinkMetrics};
use super::pending::Pending;
use super::queue::Queue;
use super::transport::{Transport, Written};
use crate::rows::RowError;

const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const LONGEST_BACKOFF: Duration = Duration::from_secs(1);

/// The same trouble is logged once in this time.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// A lane: one connection, and the blocks that wait for it.
///
/// There is no linger timer. While a request is under way blocks gather in the channel; when its answer is there, all
/// that have gathered for one table go out as the next request. An idle lane writes at once, a busy one in large
/// requests.
pub(super) struct Lane<T> {
    pub(super) number: usize,
    transport: T,
    receiver: mpsc::Receiver<Pending>,
    queue: Queue,
    limits: LaneLimits,
    metrics: SinkMetrics,
    /// Where lost answers are found out about.
    ledger: Option<Ledger>,
    backoff: Duration,
    last_logged: Option<Instant>,
}

/// What bounds a lane.
#[derive(Clone, Copy, Debug)]
pub(super) struct LaneLimits {
    /// Rows a request, except that one block always goes.
    pub(super) max_rows: usize,
    /// Blocks that a lane takes out of its channel at a time. The memory budget bounds their bytes.
    pub(super) max_queued: usize,
}

impl<T: Transport> Lane<T> {
    pub(super) fn new(
        number: usize,
        transport: T,
        receiver: mpsc::Receiver<Pending>,
        limits: LaneLimits,
        metrics: SinkMetrics,
    ) -> Self {
        let queue = Queue::default();
        Self {
            number,
            transport,
            receiver,
            queue,
            limits,
            metrics,
            ledger: None,
            backoff: FIRST_BACKOFF,
            last_logged: None,
        }
    }

    /// With a ledger, lost answers are found out about.
    pub(super) fn with_ledger(self, ledger: Option<Ledger>) -> Self {
        Self { ledger, ..self }
    }

    /// Writes until the channel is closed and everything is written, or until it is told to stop at once.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        loop {
            let work = AssertUnwindSafe(self.work()).catch_unwind();
            let panicked = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                ended = work => ended.is_err(),
            };
            if !panicked {
                break;
            }
            // Unwinding has dropped the blocks of the request that was under way: their producers are told that the
            // outcome is unknown. All others still wait here and are written.
            self.metrics.lane_panics.inc();
            tracing::error!(lane = self.number, "a lane panicked; this is a bug, please report it");
        }
        self.receiver.close();
        while let Ok(pending) = self.receiver.try_recv() {
            self.metrics.queued_blocks.dec();
            self.queue.push(pending);
        }
        let why = "the gateway is shutting down".into();
        self.give_up(None, &why);
    }

    async fn work(&mut self) {
        while self.gather().await {
            if let Err(why) = self.connect().await {
                self.unreachable(&why).await;
                continue;
            }
            let batch = self.queue.next_batch(self.limits.max_rows, Instant::now());
            self.metrics.rows_unavailable.inc_by(self.queue.take_given_up_rows());
            self.metrics.late_requests.inc_by(self.queue.take_late_requests());
            if batch.is_empty() {
                continue;
            }
            if let Some(why) = self.prepare(&batch).await {
                self.queue.put_back(batch);
                self.unreachable(&why).await;
                continue;
            }
            let started = Instant::now();
            let ledger = &mut self.ledger;
            let mut sending = |blocks: usize, connection: u64| {
                if let Some(ledger) = ledger {
                    ledger.sending(&batch[..blocks], connection);
                }
            };
            let mut written = self.transport.write(&batch, &mut sending).await;
            if written.bytes > 0 {
                self.metrics.request_seconds.observe(started.elapsed().as_secs_f64());
            }
            written.answer = self.account(written.answer, &batch, started.elapsed()).await;
            if let Some(why) = self.settle(batch, written) {
                self.unreachable(&why).await;
            }
        }
    }

    /// Takes in what has been submitted, waiting for the first block where there is none. False when the channel is
    /// closed and nothing is left.
    async fn gather(&mut self) -> bool {
        if self.queue.is_empty() {
            match self.receiver.recv().await {
                Some(pending) => self.take_in(pending),
                None => return false,
            }
        }
        self.take_in_all();
        true
    }

    fn take_in_all(&mut self) {
        while self.queue.len() < self.limits.max_queued
            && let Ok(pending) = self.receiver.try_recv()
        {
            self.take_in(pending);
        }
    }

    fn take_in(&mut self, pending: Pending) {
        self.metrics.queued_blocks.dec();
        self.queue.push(pending);
    }

    /// Connects, but no longer than until somebody's deadline.
    async fn connect(&mut self) -> Result<(), Arc<str>> {
        let Some(deadline) = self.queue.earliest_deadline() else { return Ok(()) };
        tokio::select! {
            biased;
            connected = self.transport.connect() => connected,
            () = sleep_until(deadline) => Err("QuestDB does not answer".into()),
        }
    }

    /// Sees that what the table has is known before it gets more. Says why it is not.
    async fn prepare(&mut self, batch: &[Pending]) -> Option<Arc<str>> {
        let (ledger, table) = (self.ledger.as_mut()?, &batch.first()?.block.table);
        ledger.prepare(table, self.transport.connection()).await.err()
    }

    /// Notes the answer; finds out what it would have been where it is unknown, for as long as that takes: until then
    /// nothing else may be written to the table, and whoever sends the blocks again has to wait.
    async fn account(&mut self, answer: Answer, batch: &[Pending], took: Duration) -> Answer {
        let (Some(ledger), Some(first)) = (&mut self.ledger, batch.first()) else { return answer };
        let table = first.block.table.clone();
        let Answer::Unknown(why) = answer else {
            ledger.answered(&table, &answer).await;
            return answer;
        };
        let Some(doubt) = ledger.doubt() else { return Answer::Unknown(why) };
        let questdb = ledger.questdb.clone();
        self.warn(&why);
        let rows = doubt.rows.unsigned_abs();
        let mut inquiry = Inquiry::new(doubt, took);
        let finding = loop {
            match inquiry.ask(&questdb).await {
                Finding::Again(pause) => sleep(pause).await,
                finding => break finding,
            }
            // Those that wait behind it keep their deadlines.
            self.take_in_all();
            self.give_up(Some(Instant::now()), &why);
        };
        tracing::info!(lane = self.number, %table, ?finding, "asked QuestDB about a request whose answer was lost");
        if let Some(ledger) = &mut self.ledger {
            let is_unclear = matches!(finding, Finding::Unclear(_));
            ledger.found(&table, finding == Finding::Written, is_unclear);
        }
        match finding {
            Finding::Written => {
                self.metrics.rows_found.inc_by(rows);
                Answer::Committed
            }
            Finding::Unclear(reason) => Answer::Unknown(format!("{why}; {reason}").into()),
            Finding::NotWritten | Finding::Again(_) => Answer::NotArrived(why),
        }
    }

    /// QuestDB cannot be reached: waits a little, and gives up what has waited long enough.
    async fn unreachable(&mut self, why: &Arc<str>) {
        self.metrics.connect_failures.inc();
        self.warn(why);
        let until_deadline = self
            .queue
            .earliest_deadline()
            .map_or(self.backoff, |deadline| deadline.saturating_duration_since(Instant::now()));
        sleep(self.backoff.min(until_deadline)).await;
        self.backoff = (self.backoff * 2).min(LONGEST_BACKOFF);
        self.give_up(Some(Instant::now()), why);
    }

    fn give_up(&mut self, now: Option<Instant>, why: &Arc<str>) {
        self.queue.give_up(now, why);
        self.metrics.rows_unavailable.inc_by(self.queue.take_given_up_rows());
    }

    /// Resolves the blocks that a request was about and takes the others back. Where there was no connection, says why.
    fn settle(&mut self, mut batch: Vec<Pending>, written: Written) -> Option<Arc<str>> {
        let Written { blocks, bytes, answer } = written;
        let others = batch.split_off(blocks.min(batch.len()));
        let table = batch.first().map(|pending| pending.block.table.clone())?;
        let rows = batch.iter().map(|pending| pending.block.rows() as u64).sum();
        self.metrics.sent_bytes.inc_by(bytes as u64);
        if bytes > 0 {
            self.metrics.request_rows.observe(rows as f64);
        }
        self.queue.put_back(others);
        if !matches!(answer, Answer::NotSent(_)) && self.backoff != FIRST_BACKOFF {
            self.backoff = FIRST_BACKOFF;
            tracing::info!(lane = self.number, "QuestDB can be reached again");
        }
        match answer {
            Answer::Committed => {
                self.metrics.request(AnswerKind::committed);
                self.metrics.rows_committed.inc_by(rows);
                batch.into_iter().for_each(Pending::committed);
                self.queue.committed(&table);
            }
            Answer::Rejected(rejection) => {
                self.metrics.request(AnswerKind::rejected);
                let sent = batch.len();
                let culprit = self.reject(batch, rejection);
                self.queue.rejected(&table, sent, culprit);
            }
            Answer::Unavailable(why) => {
                self.metrics.request(AnswerKind::unavailable);
                self.metrics.rows_unavailable.inc_by(rows);
                self.warn(&why);
                batch.into_iter().for_each(|pending| pending.unavailable(why.clone()));
            }
            Answer::Unknown(why) => {
                self.metrics.request(AnswerKind::unknown);
                self.metrics.rows_unknown.inc_by(rows);
                self.warn(&why);
                batch.into_iter().for_each(|pending| pending.unknown(why.clone()));
            }
            Answer::NotArrived(_) => {
                self.metrics.request(AnswerKind::not_arrived);
                self.metrics.rows_not_found.inc_by(rows);
                self.queue.put_back(batch);
            }
            Answer::NotSent(why) => {
                self.metrics.request(AnswerKind::not_sent);
                self.queue.put_back(batch);
                return Some(why);
            }
        }
        None
    }

    /// Resolves the block with the row that QuestDB rejected and takes the others back. False where QuestDB did not
    /// say which row it was, and there was more than one block.
    fn reject(&mut self, mut batch: Vec<Pending>, rejection: Rejection) -> bool {
        let found = match rejection.row {
            Some(row) => locate(&batch, row),
            None if batch.len() == 1 => Some((0, 0)),
            None => None,
        };
        let Some((block, row)) = found else {
            if batch.len() > 1 {
                self.queue.put_back(batch);
                return false;
            }
            // QuestDB named a row that was not there.
            return self.reject(batch, Rejection { row: None, ..rejection });
        };
        let culprit = batch.remove(block);
        self.metrics.rows_rejected.inc_by(culprit.block.rows() as u64);
        let record = culprit.block.origin.get(row).copied().unwrap_or_default();
        let Rejection { column, message, .. } = rejection;
        tracing::debug!(table = %culprit.block.table, partition = culprit.partition, record, message, "rejected");
        culprit.rejected(RowError { record, column, message });
        self.queue.put_back(batch);
        true
    }

    fn warn(&mut self, why: &str) {
        if self.last_logged.is_none_or(|last| last.elapsed() >= LOG_INTERVAL) {
            self.last_logged = Some(Instant::now());
            tracing::warn!(lane = self.number, "{why}");
        }
    }
}

/// The block, and the row in it, of a request's row.
fn locate(batch: &[Pending], row: usize) -> Option<(usize, usize)> {
    let mut first = 0;
    for (index, pending) in batch.iter().enumerate() {
        let rows = pending.block.rows();
        if row < first + rows {
            return Some((index, row - first));
        }
        first += rows;
    }
    None
}

#[cfg(test)]
#[path = "lane_tests.rs"]
mod tests;
