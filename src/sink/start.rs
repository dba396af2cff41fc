use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::any_transport::AnyTransport;
use super::lane::{Lane, LaneLimits};
use super::ledger::Ledger;
use super::metrics::SinkMetrics;
use super::outcome::Submission;
use super::pending::Pending;
use super::recovery::RequestJournal;
use crate::config::Transport;
use crate::questdb::QuestDb;
use crate::rows::{RowError, TableName};

/// QuestDB commits a request with more rows than this in parts, and then it is not all or nothing any more.
const MAX_BLOCK_ROWS: usize = 1_000_000;

/// So many tables have their lanes remembered; where there are more, names decide.
const MAX_ASSIGNED: usize = 10_000;

/// How the sink writes.
#[derive(Clone, Debug)]
pub struct SinkOptions {
    /// The wire protocol.
    pub transport: Transport,
    /// Connections that write at the same time, each to tables of its own. QuestDB takes 64 over HTTP by default.
    pub lanes: usize,
    /// Blocks that may wait in front of each lane before `submit` waits.
    pub queued_blocks: usize,
    /// Rows a request, except that one block always goes.
    pub request_rows: usize,
    /// Bytes a request, except that one block always goes.
    pub request_bytes: usize,
    /// When an answer is lost, find out from QuestDB whether the request has arrived. That is for ILP over HTTP.
    pub exactly_once: bool,
    /// Where requests are noted for the next life of the gateway, with `exactly_once`.
    pub journal: Option<RequestJournal>,
}

impl Default for SinkOptions {
    fn default() -> Self {
        Self {
            transport: Transport::Auto,
            lanes: 2,
            queued_blocks: 1024,
            request_rows: 100_000,
            request_bytes: 16 << 20,
            exactly_once: false,
            journal: None,
        }
    }
}

/// Why the sink cannot start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SinkError {
    /// The settings ask for something that cannot be.
    #[error("{0}")]
    Settings(String),
}

/// A handle to the lanes. Clones share them.
#[derive(Clone)]
pub struct Sink(Arc<Shared>);

struct Shared {
    /// Taken out when the sink closes.
    lanes: Mutex<Arc<[mpsc::Sender<Pending>]>>,
    assigned: RwLock<HashMap<TableName, usize>>,
    tasks: tokio::sync::Mutex<JoinSet<()>>,
    stop: CancellationToken,
    metrics: SinkMetrics,
}

impl Sink {
    /// Starts the lanes. QuestDB need not be there yet: they connect when there is something to write.
    ///
    /// # Errors
    /// The settings ask for something that cannot be.
    pub async fn start(
        options: SinkOptions,
        questdb: QuestDb,
        metrics: SinkMetrics,
    ) -> Result<Self, SinkError> {
        let conf = questdb.conf();
        let asks_for_qwp = match options.transport {
            Transport::Qwp => true,
            Transport::Auto => conf.scheme.is_qwp(),
            Transport::Http => false,
        };
        if asks_for_qwp && conf.scheme.is_tls() && !conf.tls_verify {
            let message = "QWP cannot do tls_verify=unsafe_off; give tls_roots the server's certificate, or set \
                           transport = \"http\"";
            return Err(SinkError::Settings(message.to_owned()));
        }
        if asks_for_qwp && options.exactly_once {
            let message = "exactly_once is for ILP over HTTP: set transport = \"http\"";
            return Err(SinkError::Settings(message.to_owned()));
        }
        let wire = if options.exactly_once { Transport::Http } else { options.transport };
        let lane_count = options.lanes.max(1);
        let stop = CancellationToken::new();
        let limits =
            LaneLimits { max_rows: options.request_rows.max(1), max_queued: options.queued_blocks.max(1) };
        let mut tasks = JoinSet::new();
        let mut lanes = Vec::with_capacity(lane_count);
        for number in 0..lane_count {
            let (sender, receiver) = mpsc::channel(options.queued_blocks.max(1));
            let transport = AnyTransport::new(wire, &questdb, options.request_bytes);
            let journal = options.journal.as_ref().map(|journal| journal.0.clone());
            let ledger = options.exactly_once.then(|| Ledger::new(questdb.clone(), journal));
            let lane = Lane::new(number, transport, receiver, limits, metrics.clone()).with_ledger(ledger);
            tasks.spawn(lane.run(stop.clone()));
            lanes.push(sender);
        }
        let lanes = Mutex::new(lanes.into());
        Ok(Self(Arc::new(Shared { lanes, assigned: RwLock::default(), tasks: tasks.into(), stop, metrics })))
    }

    /// Hands a block to its lane, waiting for room there until the submission's deadline. What becomes of the block is
    /// told by the submission's ticket, in every case.
    pub async fn submit(&self, submission: Submission) {
        let rows = submission.block.rows();
        let number = self.0.lane_of(&submission.block.table);
        let pending = Pending::new(submission);
        if rows == 0 {
            return pending.committed();
        }
        if rows > MAX_BLOCK_ROWS {
            let message = format!(
                "a record batch of {rows} rows cannot be written as a whole, QuestDB takes up to {MAX_BLOCK_ROWS}: make \
                 the producer's batches smaller"
            );
            let record = pending.block.origin.first().copied().unwrap_or_default();
            return pending.rejected(RowError { record, column: None, message });
        }
        let lanes = self.0.lanes.lock().clone();
        let Some(lane) = lanes.get(number % lanes.len().max(1)) else {
            return pending.unavailable("the gateway is shutting down".into());
        };
        match timeout_at(pending.deadline, lane.reserve()).await {
            Ok(Ok(permit)) => {
                self.0.metrics.queued_blocks.inc();
                permit.send(pending);
            }
            Ok(Err(_)) => pending.unavailable("the gateway is shutting down".into()),
            Err(_) => {
                pending.unavailable("it waited for a place in the queue to QuestDB until its deadline".into())
            }
        }
    }

    /// Takes no more submissions, and waits until all are written, until the deadline. What is not written by then is
    /// resolved as [`Unavailable`](super::Outcome::Unavailable), or [`Unknown`](super::Outcome::Unknown) where it was
    /// under way. Every ticket is resolved when this returns.
    pub async fn close(&self, deadline: Instant) {
        *self.0.lanes.lock() = Arc::new([]);
        let mut tasks = self.0.tasks.lock().await;
        let ended = async { while tasks.join_next().await.is_some() {} };
        if timeout_at(deadline, ended).await.is_err() {
            self.0.stop.cancel();
            while tasks.join_next().await.is_some() {}
        }
    }
}

impl Shared {
    /// A table's rows share a lane: whatever order they have stays, and QuestDB gets them in as few transactions as can
    /// be, of which none overlaps with another in time only because it took another way. Tables take the lanes in
    /// turn.
    fn lane_of(&self, table: &TableName) -> usize {
        if let Some(&number) = self.assigned.read().get(table) {
            return number;
        }
        let mut assigned = self.assigned.write();
        let next = assigned.len();
        if next >= MAX_ASSIGNED {
            let mut hasher = DefaultHasher::new();
            table.hash(&mut hasher);
            return hasher.finish() as usize;
        }
        *assigned.entry(table.clone()).or_insert(next)
    }
}
