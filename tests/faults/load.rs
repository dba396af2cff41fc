//! Producers that go on whatever happens, and keep a book of what they were told.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::{Duration, Instant};

use bytes::Buf;
use kafka_protocol::messages::{InitProducerIdRequest, ProduceRequest, ResponseHeader};
use kafka_protocol::protocol::{Decodable, HeaderVersion, Request};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::support::batches::{Batch, produce};
use crate::support::{Wire, until};

/// Rows in a batch.
pub const ROWS: i32 = 20;
/// What clients have in flight at most, where they are idempotent.
const WINDOW: i32 = 5;
const PRODUCE: i16 = 9;
const INIT_PRODUCER_ID: i16 = 4;
/// Before a client connects again.
const RECONNECT_BACKOFF: Duration = Duration::from_millis(20);
/// Before it sends again what failed.
const RETRY_BACKOFF: Duration = Duration::from_millis(20);

const REQUEST_TIMED_OUT: i16 = 7;
const NOT_ENOUGH_REPLICAS: i16 = 19;
const OUT_OF_ORDER: i16 = 45;

/// How a producer behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As clients do by default: what was not acknowledged is sent again, with the same numbers.
    Idempotent,
    /// Likewise, without numbers: nobody can tell a copy from the first.
    Plain,
    /// A control: takes sending for acknowledgement, and never sends again.
    Hasty,
}

/// What load is to be made.
#[derive(Clone, Debug)]
pub struct Setup {
    pub bootstrap: String,
    pub topic: String,
    pub kind: Kind,
    pub producers: i32,
    /// What producers allow for an answer.
    pub timeout_ms: i32,
    /// Between two windows of batches.
    pub pace: Option<Duration>,
    /// Bytes of text in every row, to make them large.
    pub padding: usize,
}

impl Setup {
    pub fn new(bootstrap: String, topic: &str) -> Self {
        Self {
            bootstrap,
            topic: topic.to_owned(),
            kind: Kind::Idempotent,
            producers: 4,
            timeout_ms: 10_000,
            pace: None,
            padding: 0,
        }
    }

    /// The control that comes with it: one producer for a topic of its own.
    pub fn control(&self, kind: Kind) -> Self {
        let topic = format!("{}_{}", self.topic, format!("{kind:?}").to_lowercase());
        Self { kind, producers: 1, topic, ..self.clone() }
    }
}

/// What a producer knows in the end. Its rows are numbered from 0, without a gap.
#[derive(Clone, Debug, Default)]
pub struct Book {
    /// All rows below this number were acknowledged.
    pub acked: i32,
    /// No row of this number or above was ever sent.
    pub attempted: i32,
    /// By a batch's first number, how often it was sent without an answer that says what became of it.
    pub doubtful: HashMap<i32, u64>,
    /// What no client could make sense of.
    pub complaints: Vec<String>,
}

/// Producers at work.
pub struct Load {
    stop: Arc<AtomicBool>,
    acked: Vec<Arc<AtomicI32>>,
    producers: Vec<JoinHandle<Book>>,
}

impl Load {
    pub fn start(setup: &Setup) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let acked: Vec<Arc<AtomicI32>> = (0..setup.producers).map(|_| Arc::default()).collect();
        let producers = (0..)
            .zip(&acked)
            .map(|(partition, acked)| {
                let producer = Producer {
                    setup: setup.clone(),
                    partition,
                    stop: stop.clone(),
                    shown: acked.clone(),
                    book: Book::default(),
                    id: (-1, -1),
                };
                tokio::spawn(producer.run())
            })
            .collect();
        Self { stop, acked, producers }
    }

    /// What each producer has had acknowledged so far.
    pub fn acked(&self) -> Vec<i32> {
        self.acked.iter().map(|acked| acked.load(Ordering::Acquire)).collect()
    }

    /// Waits until every producer has had that many rows more acknowledged, and returns how long that took.
    pub async fn progress(&self, rows: i32, patience: Duration) -> Duration {
        let (before, started) = (self.acked(), Instant::now());
        until("all producers get on", patience, async || {
            self.acked().iter().zip(&before).all(|(now, before)| *now >= before + rows)
        })
        .await;
        started.elapsed()
    }

    /// Ends the load. What is in flight then is given up where it is not acknowledged in time.
    pub async fn stop(self) -> Vec<Book> {
        self.stop.store(true, Ordering::Release);
        let mut books = Vec::new();
        for producer in self.producers {
            books.push(producer.await.unwrap());
        }
        books
    }
}

/// A row's value, by which a wrong one is found.
pub fn value_of(partition: i32, seq: i64) -> i64 {
    seq * 31 + i64::from(partition)
}

struct Producer {
    setup: Setup,
    partition: i32,
    stop: Arc<AtomicBool>,
    /// What others may see of the book.
    shown: Arc<AtomicI32>,
    book: Book,
    id: (i64, i16),
}

impl Producer {
    async fn run(mut self) -> Book {
        while !self.stops() {
            let Ok(Ok(mut wire)) =
                timeout(Duration::from_secs(5), Wire::try_connect(self.setup.bootstrap.clone())).await
            else {
                self.lose_what_is_not_sent();
                sleep(RECONNECT_BACKOFF).await;
                continue;
            };
            // Its end is the end of the connection, or of the load.
            if self.use_connection(&mut wire).await.is_err() {
                sleep(RECONNECT_BACKOFF).await;
            }
        }
        self.book
    }

    fn stops(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    async fn use_connection(&mut self, wire: &mut Wire) -> io::Result<()> {
        if self.setup.kind == Kind::Idempotent && self.id.0 < 0 {
            let request = InitProducerIdRequest::default().with_transactional_id(None);
            wire.try_send(&request, INIT_PRODUCER_ID).await?;
            let response = self.receive::<InitProducerIdRequest>(wire, INIT_PRODUCER_ID).await?;
            self.id = (response.producer_id.0, response.producer_epoch);
        }
        while !self.stops() {
            if let Some(pace) = self.setup.pace {
                sleep(pace).await;
            }
            self.window(wire).await?;
        }
        Ok(())
    }

    /// Sends as many batches as may be in flight, and takes their answers.
    async fn window(&mut self, wire: &mut Wire) -> io::Result<()> {
        let firsts: Vec<i32> = (0..WINDOW).map(|index| self.next() + index * ROWS).collect();
        for (sent, &first) in firsts.iter().enumerate() {
            self.book.attempted = self.book.attempted.max(first + ROWS);
            if let Err(error) = wire.try_send(&self.request(first), PRODUCE).await {
                self.unanswered(&firsts[..=sent]);
                return Err(error);
            }
        }
        let mut failed = false;
        for (index, &first) in firsts.iter().enumerate() {
            let error = match self.receive::<ProduceRequest>(wire, PRODUCE).await {
                Ok(response) => response.responses[0].partition_responses[0].error_code,
                Err(error) => {
                    self.unanswered(&firsts[index..]);
                    return Err(error);
                }
            };
            match error {
                0 if failed && self.setup.kind == Kind::Idempotent => {
                    self.book.complaints.push(format!("batch {first} overtook the one before it"));
                }
                // Without numbers nothing holds back what follows. It is sent again all the same, as what is not acked
                // in order is not counted.
                0 if failed => self.in_doubt(first),
                0 => self.acked(first + ROWS),
                REQUEST_TIMED_OUT => {
                    self.in_doubt(first);
                    failed = true;
                }
                NOT_ENOUGH_REPLICAS => failed = true,
                OUT_OF_ORDER if failed => {}
                other => {
                    self.book.complaints.push(format!("batch {first} was answered with error {other}"));
                    failed = true;
                }
            }
        }
        if self.setup.kind == Kind::Hasty {
            self.acked(firsts[firsts.len() - 1] + ROWS);
        } else if failed {
            sleep(RETRY_BACKOFF).await;
        }
        Ok(())
    }

    /// Where the next window begins.
    fn next(&self) -> i32 {
        if self.setup.kind == Kind::Hasty { self.book.attempted } else { self.book.acked }
    }

    fn acked(&mut self, rows: i32) {
        self.book.acked = self.book.acked.max(rows);
        self.shown.store(self.book.acked, Ordering::Release);
    }

    fn in_doubt(&mut self, first: i32) {
        *self.book.doubtful.entry(first).or_default() += 1;
    }

    fn unanswered(&mut self, firsts: &[i32]) {
        firsts.iter().for_each(|&first| self.in_doubt(first));
        if self.setup.kind == Kind::Hasty {
            self.acked(self.book.attempted);
        }
    }

    /// Whoever takes sending for acknowledgement does not notice that nobody is there.
    fn lose_what_is_not_sent(&mut self) {
        if self.setup.kind == Kind::Hasty {
            self.book.attempted += ROWS;
            self.acked(self.book.attempted);
        }
    }

    fn request(&self, first: i32) -> ProduceRequest {
        let padding = match self.setup.padding {
            0 => String::new(),
            bytes => format!(r#","padding":"{}""#, "x".repeat(bytes)),
        };
        let values = (first..first + ROWS).map(|seq| {
            let value = value_of(self.partition, seq.into());
            format!(r#"{{"p":{},"seq":{seq},"v":{value}{padding}}}"#, self.partition)
        });
        let mut batch = Batch::of(values);
        if self.setup.kind == Kind::Idempotent {
            batch = batch.from_producer(self.id.0, self.id.1, first);
        }
        produce(&self.setup.topic, self.partition, batch.encode()).with_timeout_ms(self.setup.timeout_ms)
    }

    /// The next response. One that does not come is taken for the end of the connection, as clients do.
    async fn receive<R: Request>(&self, wire: &mut Wire, version: i16) -> io::Result<R::Response> {
        let patience = Duration::from_millis(self.setup.timeout_ms as u64) + Duration::from_secs(5);
        let mut body = timeout(patience, wire.receive_bytes()).await??;
        ResponseHeader::decode(&mut body, R::Response::header_version(version)).map_err(io::Error::other)?;
        let response = R::Response::decode(&mut body, version).map_err(io::Error::other)?;
        assert!(!body.has_remaining(), "{} bytes behind the response", body.remaining());
        Ok(response)
    }
}
