use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::super::answer::{Answer, Rejection};
use super::super::outcome::{Outcome, Submission, Ticket, ticket};
use super::super::transport::{Sending, Transport, Written};
use super::*;
use crate::fence::Fence;
use crate::memory::MemoryBudget;
use crate::rows::{Block, Column, ColumnValues, TableName, TimeUnit, Timestamps};

/// A row whose value is negative is a bad one, as the fake QuestDB sees it.
fn block(table: &str, values: &[i64]) -> Block {
    Block {
        table: TableName::new(table),
        timestamp: Timestamps {
            name: "ts".into(),
            unit: TimeUnit::Micros,
            values: values.iter().map(|value| value.abs()).collect(),
        },
        columns: vec![Column { name: "v".into(), values: ColumnValues::Long(values.to_vec().into()) }],
        origin: (0..values.len() as u32).map(|row| row + 100).collect(),
    }
}

fn values(block: &Block) -> Vec<i64> {
    let ColumnValues::Long(values) = &block.columns[0].values else { panic!("not a LONG") };
    values.values().to_vec()
}

async fn pending(block: Block, patience: Duration, fence: Option<&Fence>) -> (Pending, Ticket) {
    let (resolver, ticket) = ticket();
    let charge = MemoryBudget::new(1 << 20).decode_turn().await.charge(1);
    let submission = Submission {
        block,
        partition: 0,
        deadline: Instant::now() + patience,
        fence: fence.map(Fence::token),
        label: None,
        charge,
        resolver,
    };
    (Pending::new(submission), ticket)
}

/// Table and rows of each request.
type Requests = Arc<Mutex<Vec<(String, Vec<i64>)>>>;

type Script = Box<dyn FnMut(&[Pending]) -> Answer + Send>;

/// A QuestDB that answers as it is told to, and remembers what it was sent.
struct Fake {
    answers: Script,
    connects: Box<dyn FnMut() -> Result<(), Arc<str>> + Send>,
    /// A permit is needed for every request; there are plenty unless a test takes them away.
    gate: Arc<Semaphore>,
    requests: Requests,
}

impl Transport for Fake {
    async fn connect(&mut self) -> Result<(), Arc<str>> {
        (self.connects)()
    }

    fn connection(&self) -> u64 {
        1
    }

    async fn write(&mut self, batch: &[Pending], _: &mut Sending<'_>) -> Written {
        let rows = batch.iter().flat_map(|pending| values(&pending.block)).collect();
        self.requests.lock().push((batch[0].block.table.to_string(), rows));
        self.gate.acquire().await.unwrap().forget();
        Written { blocks: batch.len(), bytes: 1, answer: (self.answers)(batch) }
    }
}

/// Rejects the first negative value, as QuestDB does.
fn strict(batch: &[Pending]) -> Answer {
    let rows: Vec<i64> = batch.iter().flat_map(|pending| values(&pending.block)).collect();
    match rows.iter().position(|&value| value < 0) {
        Some(row) => Answer::Rejected(Rejection {
            row: Some(row),
            column: Some("v".into()),
            message: "negative".into(),
        }),
        None => Answer::Committed,
    }
}

struct Harness {
    sender: mpsc::Sender<Pending>,
    gate: Arc<Semaphore>,
    requests: Requests,
    metrics: SinkMetrics,
    stop: CancellationToken,
    lane: tokio::task::JoinHandle<()>,
}

fn start(answers: impl FnMut(&[Pending]) -> Answer + Send + 'static) -> Harness {
    start_with(answers, || Ok(()))
}

fn start_with(
    answers: impl FnMut(&[Pending]) -> Answer + Send + 'static,
    connects: impl FnMut() -> Result<(), Arc<str>> + Send + 'static,
) -> Harness {
    let (sender, receiver) = mpsc::channel(10_000);
    let gate = Arc::new(Semaphore::new(100_000));
    let requests = Arc::default();
    let transport = Fake {
        answers: Box::new(answers),
        connects: Box::new(connects),
        gate: gate.clone(),
        requests: Arc::clone(&requests),
    };
    let metrics = SinkMetrics::default();
    let limits = LaneLimits { max_rows: 100, max_queued: 10_000 };
    let stop = CancellationToken::new();
    let lane = Lane::new(0, transport, receiver, limits, metrics.clone());
    let lane = tokio::spawn(lane.run(stop.clone()));
    Harness { sender, gate, requests, metrics, stop, lane }
}

impl Harness {
    async fn send(&self, table: &str, values: &[i64]) -> Ticket {
        self.send_with(table, values, Duration::from_secs(60), None).await
    }

    async fn send_with(
        &self,
        table: &str,
        values: &[i64],
        patience: Duration,
        fence: Option<&Fence>,
    ) -> Ticket {
        let (pending, ticket) = pending(block(table, values), patience, fence).await;
        self.sender.send(pending).await.unwrap();
        ticket
    }

    /// Holds all requests back, from the next one on.
    fn shut_gate(&self) {
        self.gate.forget_permits(100_000);
    }

    fn open_gate(&self) {
        self.gate.add_permits(100_000);
    }

    async fn wait_for_requests(&self, count: usize) {
        while self.requests.lock().len() < count {
            sleep(Duration::from_millis(1)).await;
        }
    }
}

#[tokio::test]
async fn what_gathers_during_a_request_goes_out_together_by_table() {
    let harness = start(strict);
    harness.shut_gate();
    let first = harness.send("a", &[1]).await;
    harness.wait_for_requests(1).await;
    let mut tickets = Vec::new();
    for value in 2..6 {
        tickets.push(harness.send("a", &[value]).await);
        tickets.push(harness.send("b", &[value]).await);
    }
    harness.open_gate();
    assert_eq!(first.outcome().await, Outcome::Committed);
    for ticket in tickets {
        assert_eq!(ticket.outcome().await, Outcome::Committed);
    }
    let requests = harness.requests.lock().clone();
    let expected: [(String, Vec<i64>); 3] =
        [("a".into(), vec![1]), ("a".into(), vec![2, 3, 4, 5]), ("b".into(), vec![2, 3, 4, 5])];
    assert_eq!(requests, expected);
}

#[tokio::test]
async fn requests_have_a_limit_and_tables_take_turns() {
    let harness = start(strict);
    harness.shut_gate();
    let first = harness.send("a", &[1]).await;
    harness.wait_for_requests(1).await;
    let many: Vec<i64> = (0..60).collect();
    let mut tickets = vec![first];
    for table in ["a", "a", "a", "b"] {
        tickets.push(harness.send(table, &many).await);
    }
    tickets.push(harness.send("a", &(0..1000).collect::<Vec<_>>()).await);
    harness.open_gate();
    for ticket in tickets {
        assert_eq!(ticket.outcome().await, Outcome::Committed);
    }
    let sizes: Vec<_> =
        harness.requests.lock().iter().map(|(table, rows)| (table.clone(), rows.len())).collect();
    let expected = [("a", 1), ("a", 60), ("b", 60), ("a", 60), ("a", 60), ("a", 1000)];
    assert_eq!(sizes, expected.map(|(table, rows)| (table.to_owned(), rows)));
}

#[tokio::test]
async fn a_rejected_row_costs_its_own_block_only() {
    let harness = start(strict);
    harness.shut_gate();
    let first = harness.send("a", &[1]).await;
    harness.wait_for_requests(1).await;
    let good = harness.send("a", &[2, 3]).await;
    let bad = harness.send("a", &[4, 5, -6]).await;
    let late = harness.send("a", &[7]).await;
    harness.open_gate();
    assert_eq!(first.outcome().await, Outcome::Committed);
    let Outcome::Rejected(errors) = bad.outcome().await else { panic!("not rejected") };
    assert_eq!((errors[0].record, errors[0].column.as_deref()), (102, Some("v")));
    assert_eq!(good.outcome().await, Outcome::Committed);
    assert_eq!(late.outcome().await, Outcome::Committed);
    assert_eq!(harness.requests.lock().last().unwrap().1, [2, 3, 7]);
}

/// The blocks of which each has one row; how many requests they took, without the first.
async fn requests_for(all: &[i64], answers: impl FnMut(&[Pending]) -> Answer + Send + 'static) -> usize {
    let harness = start(answers);
    harness.shut_gate();
    let first = harness.send("a", &[0]).await;
    harness.wait_for_requests(1).await;
    let mut tickets = Vec::new();
    for &value in all {
        tickets.push((value, harness.send("a", &[value]).await));
    }
    harness.open_gate();
    assert_eq!(first.outcome().await, Outcome::Committed);
    for (value, ticket) in tickets {
        assert_eq!(ticket.outcome().await == Outcome::Committed, value >= 0, "{value}");
    }
    // What was committed was committed once and in order.
    let count = harness.requests.lock().len() - 1;
    assert_eq!(
        harness.metrics.rows_committed.get() as usize,
        all.iter().filter(|&&value| value >= 0).count() + 1
    );
    count
}

#[tokio::test]
async fn many_bad_blocks_take_a_bounded_number_of_requests() {
    let one: Vec<i64> = (1..100).map(|value| if value == 50 { -1 } else { value }).collect();
    assert_eq!(requests_for(&one, strict).await, 2);
    let half: Vec<i64> = (1..=100).map(|value| if value % 2 == 0 { -value } else { value }).collect();
    // Each bad block has to be named by an answer of its own; good ones add at most as many requests.
    let count = requests_for(&half, strict).await;
    assert!(count <= 101, "{count}");
    let all: Vec<i64> = (1..=100).map(|value| -value).collect();
    assert_eq!(requests_for(&all, strict).await, 100);
}

#[tokio::test]
async fn a_rejection_without_a_row_is_found_by_halving() {
    let vague = |batch: &[Pending]| match strict(batch) {
        Answer::Rejected(rejection) => Answer::Rejected(Rejection { row: None, ..rejection }),
        answer => answer,
    };
    let values: Vec<i64> = (1..=64).map(|value| if value == 37 { -value } else { value }).collect();
    let count = requests_for(&values, vague).await;
    assert!(count <= 20, "{count}");
}

#[tokio::test]
async fn what_was_not_sent_is_tried_until_the_deadline() {
    let begun = Instant::now();
    let harness = start_with(strict, move || {
        if begun.elapsed() < Duration::from_millis(300) { Err("refused".into()) } else { Ok(()) }
    });
    let patient = harness.send("a", &[1]).await;
    assert_eq!(patient.outcome().await, Outcome::Committed);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn who_waited_until_the_deadline_is_told_and_its_followers_are_void() {
    let harness = start_with(strict, || Err("refused".into()));
    let fence = Fence::default();
    let impatient = harness.send_with("a", &[1], Duration::from_millis(200), Some(&fence)).await;
    let follower = harness.send_with("a", &[2], Duration::from_secs(60), Some(&fence)).await;
    let token = fence.token();
    let outcome = impatient.outcome().await;
    assert!(matches!(&outcome, Outcome::Unavailable(why) if why.contains("refused")), "{outcome:?}");
    assert!(token.is_void());
    harness.stop.cancel();
    assert!(matches!(follower.outcome().await, Outcome::Unavailable(_)));
    assert!(harness.requests.lock().is_empty());
}

#[tokio::test]
async fn an_unknown_outcome_voids_what_follows_and_is_not_tried_again() {
    let mut lost = false;
    let harness = start(move |batch| {
        if std::mem::replace(&mut lost, true) { strict(batch) } else { Answer::Unknown("lost".into()) }
    });
    harness.shut_gate();
    let fence = Fence::default();
    let first = harness.send_with("a", &[1], Duration::from_secs(60), Some(&fence)).await;
    harness.wait_for_requests(1).await;
    let follower = harness.send_with("a", &[2], Duration::from_secs(60), Some(&fence)).await;
    let stranger = harness.send("a", &[3]).await;
    harness.open_gate();
    assert_eq!(first.outcome().await, Outcome::Unknown("lost".into()));
    let outcome = follower.outcome().await;
    assert!(matches!(&outcome, Outcome::Unavailable(why) if why.contains("earlier batch")), "{outcome:?}");
    assert_eq!(stranger.outcome().await, Outcome::Committed);
    assert_eq!(harness.requests.lock().last().unwrap().1, [3]);
}

#[tokio::test]
async fn a_rejected_block_voids_what_follows_and_nothing_before_it() {
    let harness = start(strict);
    harness.shut_gate();
    let fence = Fence::default();
    let first = harness.send("a", &[1]).await;
    harness.wait_for_requests(1).await;
    let before = harness.send_with("a", &[2], Duration::from_secs(60), Some(&fence)).await;
    let bad = harness.send_with("a", &[-3], Duration::from_secs(60), Some(&fence)).await;
    let follower = harness.send_with("a", &[4], Duration::from_secs(60), Some(&fence)).await;
    let stranger = harness.send("a", &[5]).await;
    harness.open_gate();
    assert_eq!(first.outcome().await, Outcome::Committed);
    assert!(matches!(bad.outcome().await, Outcome::Rejected(_)));
    assert_eq!(before.outcome().await, Outcome::Committed);
    assert!(matches!(follower.outcome().await, Outcome::Unavailable(_)));
    assert_eq!(stranger.outcome().await, Outcome::Committed);
    assert_eq!(harness.requests.lock().last().unwrap().1, [2, 5]);
}

#[tokio::test]
async fn a_panic_loses_no_completion_and_the_lane_goes_on() {
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = seen.clone();
    let harness = start(move |batch| {
        assert!(counter.fetch_add(1, Ordering::SeqCst) != 0, "a bug");
        strict(batch)
    });
    harness.shut_gate();
    let fence = Fence::default();
    let first = harness.send_with("a", &[1], Duration::from_secs(60), Some(&fence)).await;
    harness.wait_for_requests(1).await;
    let token = fence.token();
    let second = harness.send("a", &[2]).await;
    harness.open_gate();
    assert!(matches!(first.outcome().await, Outcome::Unknown(_)));
    assert!(token.is_void());
    assert_eq!(second.outcome().await, Outcome::Committed);
    assert_eq!(harness.metrics.lane_panics.get(), 1);
}

#[tokio::test]
async fn an_ordinary_end_writes_what_waits_and_a_hasty_one_says_what_it_did_not() {
    let harness = start(strict);
    let ticket = harness.send("a", &[1]).await;
    drop(harness.sender);
    harness.lane.await.unwrap();
    assert_eq!(ticket.outcome().await, Outcome::Committed);

    let harness = start(strict);
    harness.shut_gate();
    let under_way = harness.send("a", &[1]).await;
    harness.wait_for_requests(1).await;
    let waiting = harness.send("a", &[2]).await;
    harness.stop.cancel();
    harness.lane.await.unwrap();
    assert!(matches!(under_way.outcome().await, Outcome::Unknown(_)));
    assert!(matches!(waiting.outcome().await, Outcome::Unavailable(_)));
}
