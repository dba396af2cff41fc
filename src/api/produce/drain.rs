//! What is in the spool goes to QuestDB: in order for each partition, and no partition waits for another.
//!
//! The batches were acknowledged, so they are tried until they are written. A record that cannot become a row has no
//! producer any more who could hear of it: where the topic's `on_error` is `reject` it is kept as a dead letter.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use quafka_protocol::RecordBatch;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::batch::Placement;
use super::job::{Begun, Job, decode_turn};
use super::label;
use super::plans::Plans;
use super::response::Failure;
use super::spooling::{Place, Spooling};
use super::unfinished::Progress;
use crate::api::Gateway;
use crate::config::OnError;
use crate::fence::{Fence, FenceToken};
use crate::spool::{EntryHead, Location};
use crate::topics::{Topic, TopicError};

/// How many batches are known of beyond those that are being written. Further ones are read when these are done: one
/// partition that cannot be written keeps the others going until so many of its batches are known.
const BATCHES_AHEAD: usize = 100_000;
/// Batches of a partition that are on their way at a time.
const BATCHES_AT_A_TIME: usize = 64;
/// Bytes of batches that are on their way at a time, in units of the semaphore, as a part of the memory budget: what
/// is drained must leave room for what comes in.
const WINDOW_PARTS: usize = 8;
const WINDOW_UNIT: usize = 1024;
/// After it a batch is tried anew.
const ATTEMPT: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Between two times that it is written down what is done. A crash in between costs that much work done twice.
const FORGET_INTERVAL: Duration = Duration::from_millis(500);

/// The batches of one partition that wait, in order.
type Queue = mpsc::UnboundedSender<Waiting>;

struct Waiting {
    head: EntryHead,
    location: Location,
    _ahead: OwnedSemaphorePermit,
}

struct Drain {
    gateway: Arc<Gateway>,
    spooling: Arc<Spooling>,
    stop: CancellationToken,
    window: Arc<Semaphore>,
    window_size: usize,
}

/// Writes what is in the spool, and what comes there, until told to stop. What is done is written down then.
pub async fn drain(gateway: Arc<Gateway>, spooling: Arc<Spooling>, stop: CancellationToken) {
    let window_size = (gateway.config.limits.memory / WINDOW_PARTS / WINDOW_UNIT).max(1);
    let window = Arc::new(Semaphore::new(window_size));
    let drain = Arc::new(Drain { gateway, spooling, stop, window, window_size });
    let workers = TaskTracker::new();
    tokio::select! {
        biased;
        () = drain.stop.cancelled() => {}
        ended = drain.clone().hand_out(&workers) => if let Err(error) = ended {
            tracing::error!("the spool cannot be read: {error}; what is in it is written after the next start");
            drain.stop.cancelled().await;
        },
        () = drain.clone().forget_regularly() => {}
    }
    workers.close();
    workers.wait().await;
    drain.forget().await;
}

impl Drain {
    /// Gives each batch to the worker of its partition.
    async fn hand_out(self: Arc<Self>, workers: &TaskTracker) -> io::Result<()> {
        let ahead = Arc::new(Semaphore::new(BATCHES_AHEAD));
        let mut queues: HashMap<Place, Queue> = HashMap::new();
        let mut entries = self.spooling.spool.entries();
        loop {
            // Never closed.
            let Ok(permit) = ahead.clone().acquire_owned().await else { return Ok(()) };
            let Some((head, location)) = entries.next().await? else { return Ok(()) };
            let place: Place = (head.topic.as_str().into(), head.partition);
            let queue = queues.entry(place.clone()).or_insert_with(|| {
                let (sender, receiver) = mpsc::unbounded_channel();
                workers.spawn(self.clone().work(place, receiver));
                sender
            });
            let _ = queue.send(Waiting { head, location, _ahead: permit });
        }
    }

    /// Writes one partition's batches.
    async fn work(self: Arc<Self>, place: Place, mut queue: mpsc::UnboundedReceiver<Waiting>) {
        loop {
            let first = tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                waiting = queue.recv() => match waiting {
                    Some(waiting) => waiting,
                    None => return,
                },
            };
            let mut batches = vec![first];
            while batches.len() < BATCHES_AT_A_TIME
                && let Ok(next) = queue.try_recv()
            {
                batches.push(next);
            }
            let mut pause = FIRST_PAUSE;
            while !batches.is_empty() {
                let before = batches.len();
                let failure = self.attempt(&place, &mut batches).await;
                if batches.len() < before {
                    pause = FIRST_PAUSE;
                }
                if let Some(failure) = failure {
                    self.complain(&place, batches.len(), &failure);
                    tokio::select! {
                        biased;
                        () = self.stop.cancelled() => return,
                        () = sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
                    }
                }
                if self.stop.is_cancelled() {
                    return;
                }
            }
        }
    }

    /// Tries to write batches, as many as fit the window, and takes those out that are done. Returns why the first of
    /// the others is not.
    async fn attempt(&self, place: &Place, batches: &mut Vec<Waiting>) -> Option<Failure> {
        let topic = match self.topic(&place.0) {
            Ok(topic) => topic,
            Err(error) => {
                let message = error.to_string();
                return Some(Failure::new(crate::api::errors::topic_error(&error), message));
            }
        };
        let deadline = Instant::now() + ATTEMPT;
        let mut plans = match Plans::of(&self.gateway, &topic, deadline).await {
            Ok(plans) => plans,
            Err(failure) => return Some(failure),
        };
        // When a batch is given up, those behind it are not written before it.
        let line = Fence::default();
        let mut failure = None;
        let mut begun = Vec::new();
        for waiting in batches.iter() {
            match self.begin(&topic, &mut plans, waiting, line.token(), deadline, begun.is_empty()).await {
                Ok(Some(writing)) => begun.push(writing),
                Ok(None) => break,
                Err(failed) => {
                    failure = Some(failed);
                    break;
                }
            }
        }
        let mut done = Vec::with_capacity(begun.len());
        for (begun, _room) in begun {
            let written = match begun {
                Begun::Rows(writing) => writing.written().await.map(drop),
                Begun::Nothing | Begun::Rejected(_) => Ok(()),
            };
            done.push(written.is_ok());
            if let Err(failed) = written {
                failure.get_or_insert(failed);
            }
        }
        let mut done = done.into_iter();
        batches.retain(|waiting| {
            let is_done = done.next().unwrap_or(false);
            if is_done {
                self.spooling.spool.done(waiting.location.number);
                self.spooling.left(place);
                self.spooling.metrics.drained.inc();
            }
            !is_done
        });
        failure
    }

    /// Hands one batch's rows to the lanes. Nothing where there is no room in the window for more than the first.
    async fn begin(
        &self,
        topic: &Arc<Topic>,
        plans: &mut Plans,
        waiting: &Waiting,
        fence: FenceToken,
        deadline: Instant,
        is_first: bool,
    ) -> Result<Option<(Begun, OwnedSemaphorePermit)>, Failure> {
        let units = (waiting.location.bytes as usize / WINDOW_UNIT + 1).min(self.window_size) as u32;
        let room = match self.window.clone().try_acquire_many_owned(units) {
            Ok(room) => room,
            Err(_) if !is_first => return Ok(None),
            Err(_) => match self.window.clone().acquire_many_owned(units).await {
                Ok(room) => room,
                Err(_) => return Ok(None),
            },
        };
        let Some(records) = self.read(waiting).await? else {
            // The disk has lost it. That was said, and waiting does not bring it back.
            return Ok(Some((Begun::Nothing, room)));
        };
        let batch = RecordBatch::parse(&records, usize::MAX)
            .map_err(|error| Failure::new(error.error_code(), error.to_string()))?;
        let mut charge = self.gateway.memory.frame();
        charge.arrived(records.len());
        charge.complete(0);
        let label = Some(label::of_entry(&waiting.head)).filter(|_| self.gateway.asks_later());
        let EntryHead { partition, base_offset, arrival_ms, .. } = waiting.head;
        let job = Job {
            gateway: self.gateway.clone(),
            topic: topic.clone(),
            placement: Placement { partition, base_offset, arrival_ms },
            deadline,
            fence: Some(fence),
            progress: Progress::of(&self.gateway, topic.name(), partition, batch.header),
            kept: Some((records.clone(), Arc::new(charge))),
            label,
            refused: HashMap::new(),
        };
        let turn = decode_turn(&self.gateway, deadline).await?;
        let begun = job.begin(&batch, plans, turn).await?;
        Ok(Some((begun, room)))
    }

    async fn read(&self, waiting: &Waiting) -> Result<Option<Bytes>, Failure> {
        let read = self.spooling.spool.batch(waiting.location).await.map_err(|error| {
            let message = format!("the spool cannot be read: {error}");
            Failure::new(quafka_protocol::ErrorCode::KafkaStorageError, message)
        })?;
        if read.is_none() {
            let EntryHead { number, topic, partition, base_offset, .. } = &waiting.head;
            tracing::error!(
                number,
                topic,
                partition,
                base_offset,
                "the disk has changed a batch in the spool since it was acknowledged: it is lost"
            );
        }
        Ok(read)
    }

    /// The topic, with bad records set aside in any case.
    fn topic(&self, name: &str) -> Result<Arc<Topic>, TopicError> {
        let topics = &self.gateway.topics;
        let topic = match topics.resolve(name) {
            // It was there when the batch was taken.
            Err(TopicError::Unknown) => topics.create(name, None, topics.configured(name))?,
            topic => topic?,
        };
        if topic.config().on_error != OnError::Reject {
            return Ok(topic);
        }
        let mut config = topic.config().clone();
        config.on_error = OnError::Dlq;
        topics.with_settings(&topic, Arc::new(config))
    }

    fn complain(&self, (topic, partition): &Place, batches: usize, failure: &Failure) {
        let Some(suppressed) = self.gateway.refusals.let_through() else { return };
        let message = &failure.message;
        tracing::warn!(%topic, partition, batches, suppressed, "wait in the spool: {message}");
    }

    async fn forget_regularly(self: Arc<Self>) {
        loop {
            sleep(FORGET_INTERVAL).await;
            self.forget().await;
        }
    }

    async fn forget(&self) {
        if let Err(error) = self.spooling.forget().await
            && let Some(suppressed) = self.gateway.refusals.let_through()
        {
            tracing::warn!(
                suppressed,
                "cannot write down what is done of the spool: {error}; it may be written twice"
            );
        }
    }
}
