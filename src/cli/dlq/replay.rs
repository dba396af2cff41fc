use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::Args;
use quafka::config::{Config, HostPort};
use quafka::dead_letters::{LetterTable, Selection, StoredLetter};
use quafka::producer::{Ack, OutgoingRecord, ProduceError, Producer, encode_records};

use super::{APPLY_PATIENCE, Letters, letters, micros, printable};

/// Records of one batch take so many bytes at most, except that one always goes: half of what a broker takes by default.
const BATCH_BYTES: usize = 512 << 10;
/// A broker that cannot take a batch now is asked so many times.
const ATTEMPTS: u32 = 5;
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// Longer than a broker waits for what it waits for.
const ANSWER_PATIENCE: Duration = Duration::from_secs(60);
/// Refusals that are shown one by one.
const SHOWN_REFUSALS: u64 = 20;
/// By so much the gateway's clock may be behind this one.
const CLOCKS_APART_MICROS: i64 = 3_600_000_000;

/// What `quafka dlq replay` takes.
#[derive(Debug, Args)]
pub(super) struct Replay {
    #[command(flatten)]
    letters: Letters,

    /// Where to: the gateway, or any Kafka broker that speaks without TLS [default: the configuration's `advertise`, or
    /// `listen`]
    #[arg(long, value_name = "HOST:PORT")]
    to: Option<HostPort>,

    /// So many letters at most, the oldest ones [default: all]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,

    /// Also letters that have been sent again before
    #[arg(long)]
    again: bool,

    /// Only say what would be sent
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(replay: &Replay) -> Result<ExitCode, String> {
    let loaded = replay.letters.load()?;
    let mut table = replay.letters.open(&loaded).await?;
    let started_micros = micros(SystemTime::now());
    let which = Selection {
        // What becomes a letter again is not for this run.
        until_micros: Some(started_micros),
        // What this run has sent still counts, so that each letter keeps its place in the order.
        not_replayed_before_micros: (!replay.again).then_some(started_micros),
        ..replay.letters.selection()
    };
    let limit = replay.limit.unwrap_or(usize::MAX);
    if replay.dry_run {
        return dry_run(&table, &which, limit).await;
    }
    table.prepare_marks(APPLY_PATIENCE).await.map_err(|error| error.to_string())?;
    let to = replay.to.clone().unwrap_or_else(|| gateway(&loaded.config)).to_string();
    let mut run = Run {
        connections: Connections { bootstrap: to, open: HashMap::new(), leaders: HashMap::new() },
        table,
        started_micros,
        sent: Vec::new(),
        acknowledged: 0,
        refused: 0,
    };
    let ended = run.all(&which, limit).await;
    let summary = run.summary().await;
    ended?;
    summary
}

/// The gateway of this configuration.
fn gateway(config: &Config) -> HostPort {
    match &config.advertise {
        Some(advertise) => advertise.clone(),
        None if config.listen.is_wildcard() => {
            HostPort { host: "127.0.0.1".to_owned(), port: config.listen.port }
        }
        None => config.listen.clone(),
    }
}

async fn dry_run(table: &LetterTable, which: &Selection, limit: usize) -> Result<ExitCode, String> {
    let mut partitions: BTreeMap<(String, i32), u64> = BTreeMap::new();
    let mut seen = 0;
    while seen < limit {
        let page = table.page(which, false, seen, limit - seen).await.map_err(|error| error.to_string())?;
        if page.is_empty() {
            break;
        }
        for StoredLetter { letter, .. } in &page {
            *partitions.entry((letter.topic.to_string(), letter.partition)).or_default() += 1;
        }
        seen += page.len();
    }
    for ((topic, partition), count) in &partitions {
        println!("would send {} to {}, partition {partition}", letters(*count), printable(topic));
    }
    if partitions.is_empty() {
        println!("there is nothing to send");
    }
    Ok(ExitCode::SUCCESS)
}

/// A replay under way.
struct Run {
    connections: Connections,
    table: LetterTable,
    started_micros: i64,
    /// What was acknowledged: topic, partition, the first record's new offset, and how many there are.
    sent: Vec<(String, i32, i64, i64)>,
    acknowledged: u64,
    refused: u64,
}

/// Letters of one partition that go as one batch.
type Batch<'a> = Vec<&'a StoredLetter>;

impl Run {
    async fn all(&mut self, which: &Selection, limit: usize) -> Result<(), String> {
        let mut seen = 0;
        while seen < limit {
            let page = self.table.page(which, false, seen, limit - seen).await;
            let page = page.map_err(|error| error.to_string())?;
            if page.is_empty() {
                return Ok(());
            }
            seen += page.len();
            for batch in batches(&page) {
                self.send(batch).await?;
            }
        }
        Ok(())
    }

    /// Sends a batch, without those of its records that are refused. Err: nothing more can be sent.
    async fn send(&mut self, batch: Batch<'_>) -> Result<(), String> {
        let mut left = VecDeque::from([batch]);
        while let Some(batch) = left.pop_front() {
            let Some(first) = batch.first() else { continue };
            let (topic, partition) = (first.letter.topic.clone(), first.letter.partition);
            let error = match self.connections.produce(&topic, partition, &batch).await {
                Ok(ack) => {
                    self.acknowledged += batch.len() as u64;
                    self.sent.push((topic.to_string(), partition, ack.base_offset, batch.len() as i64));
                    self.table.mark(&batch, self.started_micros).await.map_err(|error| {
                        format!(
                            "{} of {topic}, partition {partition}, sent and acknowledged, cannot be marked, and will be sent \
                             again by the next replay: {error}",
                            letters(batch.len() as u64)
                        )
                    })?;
                    continue;
                }
                Err(Stop::Refused(error)) => error,
                Err(Stop::Everything(reason)) => return Err(reason),
            };
            let ProduceError::Refused { code, record_errors, .. } = &error else { continue };
            let blamed: BTreeMap<usize, &str> = record_errors
                .iter()
                .filter_map(|(index, reason)| Some((usize::try_from(*index).ok()?, reason.as_str())))
                .filter(|(index, _)| *index < batch.len())
                .collect();
            if !blamed.is_empty() {
                let (bad, good): (Vec<_>, Vec<_>) =
                    batch.iter().enumerate().partition(|(index, _)| blamed.contains_key(index));
                for (index, stored) in bad {
                    self.refused(stored, blamed.get(&index).copied().unwrap_or_default());
                }
                left.push_front(good.into_iter().map(|(_, stored)| *stored).collect());
            } else if batch.len() > 1 && is_of_records(*code) {
                // Nobody says which it is.
                let (one, other) = batch.split_at(batch.len() / 2);
                left.push_front(other.to_vec());
                left.push_front(one.to_vec());
            } else {
                let reason = error.to_string();
                batch.iter().for_each(|stored| self.refused(stored, &reason));
            }
        }
        Ok(())
    }

    fn refused(&mut self, stored: &StoredLetter, reason: &str) {
        self.refused += 1;
        if self.refused <= SHOWN_REFUSALS {
            let letter = &stored.letter;
            eprintln!(
                "{}, partition {}, offset {}: refused again: {}",
                printable(&letter.topic),
                letter.partition,
                letter.offset,
                printable(reason)
            );
        } else if self.refused == SHOWN_REFUSALS + 1 {
            eprintln!("more are refused and not shown");
        }
    }

    /// Says what has become of the letters.
    async fn summary(&self) -> Result<ExitCode, String> {
        let says = |error: quafka::dead_letters::LettersError| error.to_string();
        if self.acknowledged > 0 {
            self.table.applied(APPLY_PATIENCE).await.map_err(says)?;
        }
        let mut letters_again = 0;
        for (topic, partition, first, count) in &self.sent {
            let which = Selection {
                topic: Some(topic.clone()),
                partition: Some(*partition),
                offsets: Some(*first..=first.saturating_add(count - 1)),
                since_micros: Some(self.started_micros - CLOCKS_APART_MICROS),
                ..Selection::default()
            };
            letters_again += self.table.count(&which).await.map_err(says)?;
        }
        println!("{} sent again and acknowledged", letters(self.acknowledged));
        if letters_again > 0 {
            println!(
                "  {letters_again} of them became dead letters again, with new offsets: see quafka dlq show"
            );
        }
        if self.refused > 0 {
            println!("{} refused again, and still here", letters(self.refused));
        }
        Ok(if letters_again + self.refused > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

/// A page's letters by partition, in their order, cut where a batch would become too large.
fn batches(page: &[StoredLetter]) -> Vec<Batch<'_>> {
    let mut batches: Vec<Batch<'_>> = Vec::new();
    let mut open: HashMap<(&str, i32), (usize, usize)> = HashMap::new();
    for stored in page {
        let partition = (&*stored.letter.topic, stored.letter.partition);
        let bytes = stored.letter.memory_bytes();
        match open.get_mut(&partition) {
            Some((number, filled)) if *filled + bytes <= BATCH_BYTES => {
                *filled += bytes;
                batches[*number].push(stored);
            }
            _ => {
                open.insert(partition, (batches.len(), bytes));
                batches.push(vec![stored]);
            }
        }
    }
    batches
}

/// Errors that are a record's fault, where a batch fails with them: CORRUPT_MESSAGE, MESSAGE_TOO_LARGE,
/// RECORD_LIST_TOO_LARGE, INVALID_TIMESTAMP, INVALID_RECORD.
fn is_of_records(code: i16) -> bool {
    matches!(code, 2 | 10 | 18 | 32 | 87)
}

/// Errors that pass: LEADER_NOT_AVAILABLE, NOT_LEADER_OR_FOLLOWER, REQUEST_TIMED_OUT, NETWORK_EXCEPTION,
/// COORDINATOR_LOAD_IN_PROGRESS, NOT_ENOUGH_REPLICAS and the same after the append, KAFKA_STORAGE_ERROR.
fn passes(code: i16) -> bool {
    matches!(code, 5 | 6 | 7 | 13 | 14 | 19 | 20 | 56)
}

/// Why a batch was not acknowledged.
enum Stop {
    /// It is not taken; others may be.
    Refused(ProduceError),
    /// Nothing is taken.
    Everything(String),
}

struct Connections {
    bootstrap: String,
    open: HashMap<String, Producer>,
    leaders: HashMap<String, BTreeMap<i32, String>>,
}

impl Connections {
    async fn produce(&mut self, topic: &str, partition: i32, batch: &Batch<'_>) -> Result<Ack, Stop> {
        let records: Vec<_> = batch
            .iter()
            .map(|stored| OutgoingRecord {
                timestamp_ms: stored.letter.timestamp_ms,
                key: stored.letter.key.as_deref(),
                value: stored.letter.value.as_deref(),
                headers: &stored.letter.headers,
            })
            .collect();
        let encoded = encode_records(&records).map_err(|error| Stop::Everything(error.to_string()))?;
        let mut attempt = 1;
        loop {
            let error = match self.try_produce(topic, partition, &encoded).await {
                Ok(ack) => return Ok(ack),
                Err(error) => error,
            };
            let may_pass = match &error {
                ProduceError::Refused { code, .. } => passes(*code),
                ProduceError::Connection { .. } => true,
                _ => false,
            };
            match error {
                error if may_pass && attempt < ATTEMPTS => {
                    eprintln!("{}; trying again", printable(&error.to_string()));
                }
                error @ ProduceError::Refused { .. } if !may_pass => return Err(Stop::Refused(error)),
                error => {
                    let reason = format!("{error}; what is not sent yet stays for another replay");
                    return Err(Stop::Everything(reason));
                }
            }
            attempt += 1;
            // Connections and leaders may be others by then.
            self.open.clear();
            self.leaders.clear();
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    async fn try_produce(
        &mut self,
        topic: &str,
        partition: i32,
        encoded: &bytes::Bytes,
    ) -> Result<Ack, ProduceError> {
        let bootstrap = self.bootstrap.clone();
        if !self.leaders.contains_key(topic) {
            let leaders = self.to(&bootstrap).await?.leaders(topic).await?;
            self.leaders.insert(topic.to_owned(), leaders);
        }
        let leaders = self.leaders.get(topic);
        let Some(leader) = leaders.and_then(|leaders| leaders.get(&partition)).cloned() else {
            let partitions: BTreeSet<i32> = leaders.into_iter().flatten().map(|(index, _)| *index).collect();
            return Err(ProduceError::Refused {
                what: format!("{topic}-{partition}"),
                code: 3,
                name: "UnknownTopicOrPartition".to_owned(),
                message: Some(format!(
                    "at {bootstrap} the topic has no partition {partition} with a leader, only {partitions:?}; give it \
                     as many partitions as it had"
                )),
                record_errors: Vec::new(),
            });
        };
        let producer = self.to(&leader).await?;
        let pending = producer.send(topic, partition, encoded.clone()).await?;
        match tokio::time::timeout(ANSWER_PATIENCE, pending.wait()).await {
            Ok(ack) => ack,
            Err(_) => {
                Err(ProduceError::Connection { address: leader, reason: "no answer in time".to_owned() })
            }
        }
    }

    async fn to(&mut self, address: &str) -> Result<&mut Producer, ProduceError> {
        if !self.open.contains_key(address) {
            let producer = Producer::connect(address, 1).await?;
            self.open.insert(address.to_owned(), producer);
        }
        self.open.get_mut(address).ok_or_else(|| ProduceError::Protocol("no connection".to_owned()))
    }
}
