//! A producer's batches, and what it was told of each. It outlives the lives of the gateway.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::random::Random;
use crate::setup::{Bug, Kind, Producer, Setup};
use crate::world::World;

const IN_FLIGHT: usize = 5;

const NONE: i16 = 0;
const OUT_OF_ORDER: i16 = 45;
const INVALID_RECORD: i16 = 87;
/// What clients send again after: unknown topic, no leader, timed out, not enough replicas, storage.
const RETRIABLE: [i16; 5] = [3, 5, 7, 19, 56];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// To be sent, for the first time or again.
    Queued,
    InFlight,
    Over,
}

/// What is known of a batch in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Acknowledged {
        base_offset: i64,
    },
    Refused,
    GivenUp,
    /// Without acknowledgements.
    Sent,
}

pub struct Batch {
    /// The first row's number, and how many there are.
    pub first: i64,
    pub rows: i64,
    /// The rows that cannot become any, as the gateway sees it, and as QuestDB does.
    pub broken: BTreeSet<i64>,
    pub refused_by_questdb: BTreeSet<i64>,
    /// By the clock of the simulation.
    made_at: Duration,
    state: State,
    /// How often it was sent, and under how many numbers.
    pub sends: u64,
    pub numberings: u64,
    sequence: Option<i32>,
    pub outcome: Option<Outcome>,
}

/// Batches for one partition, in order.
pub struct Line {
    pub topic: usize,
    pub partition: i32,
    pub batches: Vec<Batch>,
    next_sequence: i32,
    /// Numbers of this epoch are missing: a batch was given up, or is done and forgotten.
    has_gap: bool,
}

pub struct Book {
    pub number: usize,
    pub setup: Producer,
    pub lines: Vec<Line>,
    pub random: Random,
    /// None before the first one is given out.
    pub id: Option<(i64, i16)>,
    /// Before anything else is sent, what is in flight has to be known and a new epoch has to begin.
    pub needs_epoch: bool,
    /// Nothing is sent again before.
    backoff_until: Duration,
}

/// A batch to be sent: its line and its place there.
pub type Place = (usize, usize);

impl Book {
    pub fn new(number: usize, setup: &Setup, mut random: Random) -> Self {
        let bad = setup.bad_records;
        let setup = setup.producers[number].clone();
        let lines = setup.lines.iter().map(|&(topic, partition)| {
            let mut made_at = Duration::ZERO;
            let mut first = 0;
            let batches = (0..setup.batches).map(|_| {
                made_at += random.millis(0..setup.pace_ms);
                let rows = random.within(1..setup.rows + 1) as i64;
                let numbers = first..first + rows;
                let mut draw = |percent| numbers.clone().filter(|_| random.percent(percent)).collect();
                let (broken, refused_by_questdb): (BTreeSet<i64>, BTreeSet<i64>) = (draw(bad), draw(bad / 2));
                let refused_by_questdb = refused_by_questdb.difference(&broken).copied().collect();
                first += rows;
                Batch {
                    first: first - rows,
                    rows,
                    broken,
                    refused_by_questdb,
                    made_at,
                    state: State::Queued,
                    sends: 0,
                    numberings: 0,
                    sequence: None,
                    outcome: None,
                }
            });
            let batches = batches.collect();
            let next_sequence = setup.first_sequence;
            Line { topic, partition, batches, next_sequence, has_gap: false }
        });
        let lines = lines.collect();
        Self { number, setup, lines, random, id: None, needs_epoch: false, backoff_until: Duration::ZERO }
    }

    pub fn is_idempotent(&self) -> bool {
        self.setup.kind == Kind::Idempotent
    }

    pub fn is_done(&self) -> bool {
        self.all().all(|batch| batch.state == State::Over)
    }

    fn all(&self) -> impl Iterator<Item = &Batch> {
        self.lines.iter().flat_map(|line| &line.batches)
    }

    pub fn has_in_flight(&self) -> bool {
        self.all().any(|batch| batch.state == State::InFlight)
    }

    /// A gateway begins to live, and nobody answers what the one before it has not. Without a data dir it takes a batch
    /// that failed then for the producer's first one, and does not know of those behind that were done already.
    pub fn life_begins(&mut self, world: &World) {
        self.connection_lost();
        if world.setup.data_dir {
            return;
        }
        for line in &mut self.lines {
            let mut left = line.batches.iter().skip_while(|batch| batch.state == State::Over);
            line.has_gap |= left.any(|batch| batch.state == State::Over);
        }
    }

    /// The connection is gone: nobody answers what is in flight over it.
    pub fn connection_lost(&mut self) {
        for batch in self.lines.iter_mut().flat_map(|line| &mut line.batches) {
            if batch.state == State::InFlight {
                batch.state = State::Queued;
            }
        }
    }

    /// Gives up what is too old.
    pub fn give_up(&mut self, world: &World) {
        let now = world.now().at;
        for line in &mut self.lines {
            for batch in &mut line.batches {
                if batch.state == State::Queued
                    && batch.sends > 0
                    && now >= batch.made_at + self.setup.delivery_timeout
                {
                    world.note(format!("producer {}: gives up {}", self.number, batch.name(line.topic)));
                    (batch.state, batch.outcome) = (State::Over, Some(Outcome::GivenUp));
                    line.has_gap = true;
                    self.needs_epoch |= self.setup.kind == Kind::Idempotent;
                }
            }
        }
    }

    /// A new epoch begins, or a new id: what has not come to an end gets new numbers.
    pub fn begin_epoch(&mut self, id: (i64, i16)) {
        let is_first = self.id.replace(id).is_none();
        self.needs_epoch = false;
        for line in &mut self.lines {
            line.has_gap = false;
            if !is_first {
                line.next_sequence = 0;
            }
            line.batches.iter_mut().for_each(|batch| batch.sequence = None);
        }
    }

    /// What goes into the next request: one batch of some lines. Nothing where there is nothing to be sent now; then
    /// until when.
    pub fn next_request(&mut self, now: Duration) -> Result<Vec<Place>, Option<Duration>> {
        if self.needs_epoch {
            return Err(None);
        }
        let limit = match self.setup.kind {
            Kind::OneByOne => 1,
            _ => IN_FLIGHT,
        };
        let mut places = Vec::new();
        let mut later: Option<Duration> = None;
        for (index, line) in self.lines.iter().enumerate() {
            let in_flight = line.batches.iter().filter(|batch| batch.state == State::InFlight).count();
            let Some(place) = line.batches.iter().position(|batch| batch.state == State::Queued) else {
                continue;
            };
            let batch = &line.batches[place];
            let is_first = line.batches[..place].iter().all(|batch| batch.state == State::Over);
            if in_flight >= limit || (batch.sends > 0 && self.setup.one_again && !is_first) {
                continue;
            }
            let due = if batch.sends > 0 { self.backoff_until } else { batch.made_at };
            if due > now {
                later = Some(later.map_or(due, |later| later.min(due)));
            } else if places.is_empty() || self.random.percent(70) {
                places.push((index, place));
            }
        }
        if places.is_empty() { Err(later) } else { Ok(places) }
    }

    /// A batch is sent. Returns its first sequence number.
    pub fn send(&mut self, (line, place): Place, bug: Option<Bug>) -> i32 {
        let line = &mut self.lines[line];
        let batch = &mut line.batches[place];
        if bug == Some(Bug::NumbersAnew) {
            batch.sequence = None;
        }
        let sequence = match batch.sequence {
            Some(sequence) => sequence,
            None => {
                let sequence = line.next_sequence;
                line.next_sequence = ((i64::from(sequence) + batch.rows) & i64::from(i32::MAX)) as i32;
                batch.numberings += 1;
                *batch.sequence.insert(sequence)
            }
        };
        batch.sends += 1;
        batch.state = match self.setup.kind {
            Kind::Unacknowledged => {
                batch.outcome = Some(Outcome::Sent);
                State::Over
            }
            _ => State::InFlight,
        };
        sequence
    }

    /// What the gateway says of a batch.
    pub fn answered(&mut self, (line, place): Place, error: i16, base_offset: i64, world: &World) {
        let number = self.number;
        let backoff = self.random.millis(10..120);
        let line = &mut self.lines[line];
        let is_first = line.batches[..place].iter().all(|batch| batch.state == State::Over);
        let batch = &mut line.batches[place];
        let name = batch.name(line.topic);
        world.note(format!("producer {number}: {name} is answered with {error}"));
        match error {
            NONE => {
                (batch.state, batch.outcome) = (State::Over, Some(Outcome::Acknowledged { base_offset }));
            }
            INVALID_RECORD => {
                (batch.state, batch.outcome) = (State::Over, Some(Outcome::Refused));
                // As Java's and librdkafka's do.
                self.needs_epoch |= self.setup.kind == Kind::Idempotent;
            }
            OUT_OF_ORDER if is_first && self.setup.kind == Kind::Idempotent => {
                batch.state = State::Queued;
                self.needs_epoch = true;
                if !line.has_gap && world.bug.is_none() {
                    world.is_wrong(format!(
                        "producer {number}: {name} is the next one and called out of order"
                    ));
                }
            }
            OUT_OF_ORDER if self.setup.kind == Kind::Idempotent => batch.state = State::Queued,
            error if RETRIABLE.contains(&error) => {
                batch.state = State::Queued;
                self.backoff_until = world.now().at + backoff;
            }
            other => {
                (batch.state, batch.outcome) = (State::Over, Some(Outcome::GivenUp));
                world.is_wrong(format!("producer {number}: {name} is answered with error {other}"));
            }
        }
    }
}

impl Batch {
    /// For the list of what happened.
    pub fn name(&self, topic: usize) -> String {
        format!("{}..{} for topic{topic}", self.first, self.first + self.rows)
    }
}
