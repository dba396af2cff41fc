//! What a seed stands for: a gateway with its settings, producers, and what goes wrong.

use std::time::Duration;

use quafka::config::Durability;

use crate::random::Random;

/// A bug that is put in on purpose, to see that it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// What an acknowledgement before the commit comes to: some requests are answered and never committed.
    AnswersBeforeTheCommit,
    /// Some requests are written twice.
    CommitsTwice,
    /// Some requests are written after the one that follows them.
    Reorders,
    /// What a gateway that knows no sequence numbers comes to: what is sent again has others.
    NumbersAnew,
    /// A row that nobody has sent.
    InventsRows,
    /// Some bytes of the memory budget are never given back.
    LeaksMemory,
    /// A task that never ends.
    LeaksATask,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    Reject,
    Skip,
    Dlq,
}

/// How a life of the gateway ends.
#[derive(Clone, Copy, Debug)]
pub enum End {
    /// Killed, at a time.
    Killed(Duration),
    /// Killed when so many things have happened in it.
    KilledAt(u64),
    /// Told to finish, at a time.
    Told(Duration),
    /// Told to finish when all is done. From the time on nothing goes wrong any more.
    Done { calm_after: Duration },
}

/// A time in a life in which QuestDB is not as it should be.
#[derive(Clone, Copy, Debug)]
pub struct Outage {
    pub from: Duration,
    pub until: Duration,
    /// Connections are held and nothing is done over them; else there is no QuestDB.
    pub frozen: bool,
}

#[derive(Clone, Debug)]
pub struct Life {
    pub end: End,
    pub outages: Vec<Outage>,
    /// A write or sync of the spool fails, in this percentage.
    pub disk_failures: u64,
}

/// How a producer behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// With sequence numbers and five batches in flight.
    Idempotent,
    /// Without numbers; one in flight, so that order is kept.
    OneByOne,
    /// Without numbers and five in flight: in what order what is sent again arrives is up to chance.
    Plain,
    /// Without acknowledgements: acks=0.
    Unacknowledged,
}

#[derive(Clone, Debug)]
pub struct Producer {
    pub kind: Kind,
    /// Of Produce.
    pub version: i16,
    pub acks: i16,
    pub timeout_ms: i32,
    /// After it a batch is given up.
    pub delivery_timeout: Duration,
    /// What was sent before is sent again one by one, as Java's does; else all of it at once, as librdkafka's.
    pub one_again: bool,
    /// The number of the first record, which need not be 0 for a producer that the gateway does not know.
    pub first_sequence: i32,
    /// The topic and partition of each of its lines of batches.
    pub lines: Vec<(usize, i32)>,
    /// In every line.
    pub batches: u64,
    pub rows: u64,
    /// Between two batches, at most.
    pub pace_ms: u64,
    /// What the network between it and the gateway holds.
    pub pipe_bytes: usize,
    /// A connection is cut, in this percentage.
    pub cuts: u64,
    /// Responses are read after so long, at most.
    pub slow_ms: u64,
}

#[derive(Clone, Debug)]
pub struct Setup {
    pub durability: Durability,
    pub data_dir: bool,
    pub exactly_once: bool,
    pub lanes: usize,
    pub memory: usize,
    pub spool_bytes: usize,
    pub overflow_after: Duration,
    pub topics: Vec<OnError>,
    pub producers: Vec<Producer>,
    pub lives: Vec<Life>,
    /// A write goes wrong, in this percentage.
    pub write_faults: u64,
    /// Of the records, that cannot become rows.
    pub bad_records: u64,
    /// What goes wrong is over soon enough for `exactly_once`.
    pub latest_commit: Duration,
}

impl Setup {
    pub fn new(random: &mut Random) -> Self {
        let durability =
            random.pick(&[Durability::Direct, Durability::Direct, Durability::Overflow, Durability::Spool]);
        let data_dir = durability != Durability::Direct || random.percent(40);
        let exactly_once = random.percent(if data_dir { 40 } else { 10 });
        let lives = if random.percent(50) { 1 } else { random.within(2..4) };
        let topics: Vec<OnError> = (0..random.within(1..4))
            .map(|_| random.pick(&[OnError::Reject, OnError::Reject, OnError::Skip, OnError::Dlq]))
            .collect();
        let trouble = random.pick(&[0, 5, 20, 50]);
        let cuts = random.pick(&[0, 10, 30, 60]);
        let producers =
            (0..random.within(1..4)).map(|_| Producer::new(random, topics.len() as u64, cuts)).collect();
        let lives = (1..=lives).map(|life| Life::new(random, life == lives, durability, trouble)).collect();
        Self {
            durability,
            data_dir,
            exactly_once,
            lanes: random.within(1..4) as usize,
            memory: random.pick(&[20_000, 256 << 20, 256 << 20]),
            spool_bytes: random.pick(&[12_000, 4 << 20]),
            overflow_after: random.pick(&[100, 1_000]).into_duration(),
            topics,
            producers,
            lives,
            write_faults: trouble,
            bad_records: if exactly_once { 0 } else { random.pick(&[0, 0, 2, 10]) },
            latest_commit: Duration::from_millis(if exactly_once { 14_000 } else { 25_000 }),
        }
    }

    pub fn topic(index: usize) -> String {
        format!("topic{index}")
    }

    /// The gateway's configuration, without what is not settled by text.
    pub fn toml(&self) -> String {
        let topics = self.topics.iter().enumerate().map(|(index, on_error)| {
            let on_error = format!("{on_error:?}").to_lowercase();
            format!(
                "[topics.{}]\npartitions = 4\nformat = \"json\"\non_error = \"{on_error}\"\n",
                Self::topic(index)
            )
        });
        topics.collect()
    }
}

trait IntoDuration {
    fn into_duration(self) -> Duration;
}

impl IntoDuration for u64 {
    fn into_duration(self) -> Duration {
        Duration::from_millis(self)
    }
}

impl Producer {
    fn new(random: &mut Random, topics: u64, cuts: u64) -> Self {
        let kind = random.pick(&[
            Kind::Idempotent,
            Kind::Idempotent,
            Kind::Idempotent,
            Kind::OneByOne,
            Kind::Plain,
            Kind::Unacknowledged,
        ]);
        let mut lines: Vec<(usize, i32)> = (0..random.within(1..4))
            .map(|_| (random.within(0..topics) as usize, random.within(0..4) as i32))
            .collect();
        lines.sort_unstable();
        lines.dedup();
        Self {
            kind,
            version: random.pick(&[3, 7, 8, 9, 11, 12]),
            acks: if kind == Kind::Unacknowledged { 0 } else { random.pick(&[-1, -1, 1]) },
            timeout_ms: random.pick(&[1_500, 5_000, 30_000]),
            delivery_timeout: random.pick(&[6_000, 120_000, 1_000_000, 1_000_000]).into_duration(),
            one_again: random.percent(50),
            first_sequence: random.pick(&[0, 0, 0, i32::MAX - 7]),
            lines,
            batches: random.within(2..9),
            rows: random.within(1..5),
            pace_ms: random.pick(&[1, 30, 400, 3_000]),
            pipe_bytes: random.pick(&[100, 1 << 16]),
            cuts,
            slow_ms: random.pick(&[1, 1, 300]),
        }
    }
}

impl Life {
    fn new(random: &mut Random, is_last: bool, durability: Durability, trouble: u64) -> Self {
        let end = match random.within(0..4) {
            _ if is_last => End::Done { calm_after: random.millis(0..12_000) },
            0 => End::Told(random.millis(0..8_000)),
            1 => End::Killed(random.millis(0..8_000)),
            _ => End::KilledAt(random.within(1..150)),
        };
        let mut outages = Vec::new();
        if trouble > 0 && random.percent(40) {
            let from = random.millis(0..4_000);
            let until =
                from + if random.percent(50) { random.millis(1..500) } else { random.millis(500..9_000) };
            outages.push(Outage { from, until, frozen: random.percent(50) });
        }
        let failing = !is_last && durability != Durability::Direct && random.percent(20);
        Self { end, outages, disk_failures: if failing { random.within(1..20) } else { 0 } }
    }
}
