use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use quafka_protocol::{ErrorCode, RecordBatch};
use tokio::time::{Instant, timeout_at};

use super::bad_records::BadRecords;
use super::batch::{Converted, Placement, convert};
use super::plans::{Plans, schema};
use super::response::Failure;
use super::unfinished::Progress;
use crate::api::Gateway;
use crate::config::{DeadLetters, OnError};
use crate::dead_letters::{self, DeadLetter, KafkaTarget};
use crate::decode::SchemaKey;
use crate::fence::FenceToken;
use crate::mapping::TableRows;
use crate::memory::{DecodeTurn, FrameCharge};
use crate::rows::{Block, RecordIndex, RowError, TableName};
use crate::schema::TableSchema;
use crate::sink::{Outcome, Submission, Ticket, ticket};
use crate::topics::{Rejection, Topic};

/// As many schemas are looked up for one batch.
const MAX_SCHEMAS: usize = 64;

/// One batch on its way into QuestDB: all that is needed to make its rows, also a second time where QuestDB refuses some.
pub(super) struct Job {
    pub(super) gateway: Arc<Gateway>,
    pub(super) topic: Arc<Topic>,
    pub(super) placement: Placement,
    pub(super) deadline: Instant,
    pub(super) fence: Option<FenceToken>,
    /// The batch, where its rows may have to be made again, and its share of the memory budget.
    pub(super) kept: Option<(Bytes, Arc<FrameCharge>)>,
    /// What is done of it, also by an attempt before this one.
    pub(super) progress: Progress,
    /// What the batch is known by in the next life, as long as all of it is one block.
    pub(super) label: Option<String>,
    /// The records that QuestDB has refused.
    pub(super) refused: HashMap<RecordIndex, RowError>,
}

/// What a batch's records have become.
pub(super) struct Rows {
    pub(super) tables: Vec<TableRows>,
    pub(super) bad: BadRecords,
    /// How many rows the topic's filter has not let through.
    pub(super) filtered: u64,
    /// The turn in which the rows were made.
    pub(super) turn: DecodeTurn,
}

/// Rows of a batch that are on their way to one table.
pub(super) struct Write {
    pub(super) table: TableName,
    pub(super) adds_columns: bool,
    /// What the table looked like when the rows were made.
    schema: Option<Arc<TableSchema>>,
    /// The records that the rows are from, where these may be only a part of the batch.
    pub(super) records: Vec<RecordIndex>,
}

/// Dead letters that have to be kept before the batch is acknowledged.
pub(super) enum Letters {
    /// On their way to a table.
    Table(TableName, Ticket),
    /// To be sent to another cluster.
    Topic(KafkaTarget, Vec<DeadLetter>),
}

/// What has come of a batch's records.
pub(super) enum Begun {
    /// They are on their way.
    Rows(Box<Writing>),
    /// There is nothing to be written.
    Nothing,
    /// The batch is refused for these.
    Rejected(Arc<Rejection>),
}

/// A batch on its way.
pub(super) struct Writing {
    job: Job,
    /// One for each table.
    writes: VecDeque<(Write, Ticket)>,
    /// With the records that they are of.
    letters: Vec<(Letters, Vec<RecordIndex>)>,
}

impl Job {
    /// Makes rows of the batch and hands them to their lanes.
    pub(super) async fn begin(
        mut self,
        batch: &RecordBatch<'_>,
        plans: &mut Plans,
        turn: DecodeTurn,
    ) -> Result<Begun, Failure> {
        let Rows { tables, bad, filtered, turn } = self.rows(batch, plans, turn).await?;
        let metrics = &self.gateway.metrics;
        if bad.refuse_the_batch() && !bad.is_empty() {
            metrics.bad_records(self.topic.config().on_error, bad.len());
            let written = self.progress.finish();
            return Ok(Begun::Rejected(Arc::new(Rejection { errors: bad.errors, written })));
        }
        metrics.filtered_rows(filtered);
        if tables.is_empty() && bad.is_empty() {
            self.progress.finish();
            return Ok(Begun::Nothing);
        }
        if tables.len() > 1 || !bad.is_empty() || self.progress.is_begun() {
            self.label = None;
        }
        metrics.substituted_timestamps(tables.iter().map(|rows| rows.substitutes).sum());
        let writes = self.submit(tables, plans, turn).await.into();
        let letters = self.set_aside(bad).await?.into_iter().collect();
        Ok(Begun::Rows(Box::new(Writing { job: self, writes, letters })))
    }

    /// The batch's rows, by table. Looks up tables that come up on the way.
    async fn rows(
        &self,
        batch: &RecordBatch<'_>,
        plans: &mut Plans,
        mut turn: DecodeTurn,
    ) -> Result<Rows, Failure> {
        let (gateway, topic) = (&self.gateway, &self.topic);
        let mut looked_again = false;
        let mut looked_up = 0;
        loop {
            let converted = gateway.with_decompressor(|decompressor| {
                let plans = &plans.by_table;
                convert(gateway, topic, plans, batch, self.placement, &self.refused, decompressor)
            });
            let (tables, schemas) = match converted? {
                Converted::Rows { mut tables, mut bad, filtered } => {
                    let judged = looked_again || !bad.blames_a_column();
                    let doubtful = if judged { Vec::new() } else { plans.doubt(gateway).await };
                    if doubtful.is_empty() {
                        self.progress.leave_out(&mut tables, &mut bad);
                        return Ok(Rows { tables, bad, filtered, turn });
                    }
                    looked_again = true;
                    (doubtful, Vec::new())
                }
                Converted::Missing { tables, schemas } => (tables, schemas),
            };
            drop(turn);
            for schema in schemas {
                looked_up += 1;
                self.look_up(schema, looked_up).await?;
            }
            for table in tables {
                plans.learn(gateway, topic, &table, self.deadline).await?;
            }
            turn = decode_turn(gateway, self.deadline).await?;
        }
    }

    /// Finds out about a schema, the batch's so-manieth. While the registry is away the batch is not written, and its
    /// producer sends it again: that says nothing about its records.
    async fn look_up(&self, schema: SchemaKey, number: usize) -> Result<(), Failure> {
        let away = |reason: String| Failure::new(ErrorCode::NotEnoughReplicas, reason);
        let Some(registry) = &self.gateway.registry else {
            return Err(away(format!("{schema} cannot be looked up without a schema registry")));
        };
        if number > MAX_SCHEMAS {
            // Those that were found are known when it comes again.
            return Err(away(format!(
                "the batch's records name more than {MAX_SCHEMAS} schemas that were not known"
            )));
        }
        let learned = registry.learn(schema, self.deadline).await;
        learned.map_err(|error| away(format!("{schema} of the batch's records is not known: {error}")))
    }

    /// Hands rows to their lanes, each write with the ticket for what becomes of it.
    async fn submit(&self, tables: Vec<TableRows>, plans: &Plans, turn: DecodeTurn) -> Vec<(Write, Ticket)> {
        let mut submissions = Vec::with_capacity(tables.len());
        let mut writes = Vec::with_capacity(tables.len());
        let in_parts = self.kept.is_some() || tables.len() > 1 || self.progress.is_begun();
        for TableRows { block, adds_columns, .. } in tables {
            let table = block.table.clone();
            let schema = plans.schemas.get(&table).cloned();
            let records = if in_parts { block.origin.clone() } else { Vec::new() };
            let (submission, ticket) = self.submission(block, self.label.clone(), &turn);
            writes.push((Write { table, adds_columns, schema, records }, ticket));
            submissions.push(submission);
        }
        drop(turn);
        for submission in submissions {
            self.gateway.sink.submit(submission).await;
        }
        writes
    }

    /// A block for its lane, and the ticket for what becomes of it.
    fn submission(&self, block: Block, label: Option<String>, turn: &DecodeTurn) -> (Submission, Ticket) {
        let (resolver, ticket) = ticket();
        let submission = Submission {
            partition: self.placement.partition,
            deadline: self.deadline,
            fence: self.fence.clone(),
            label,
            charge: turn.charge(block.memory_bytes()),
            block,
            resolver,
        };
        (submission, ticket)
    }

    /// Does with bad records what the topic's `on_error` says, other than refusing the batch.
    async fn set_aside(&self, bad: BadRecords) -> Result<Option<(Letters, Vec<RecordIndex>)>, Failure> {
        if bad.is_empty() {
            return Ok(None);
        }
        let config = self.topic.config();
        self.gateway.metrics.bad_records(config.on_error, bad.len());
        self.log(&bad);
        if config.on_error != OnError::Dlq {
            return Ok(None);
        }
        match &config.dlq {
            DeadLetters::Topic { topic, bootstrap } => {
                let target = KafkaTarget { topic: topic.clone(), bootstrap: bootstrap.clone() };
                Ok(Some((Letters::Topic(target, bad.letters), bad.records)))
            }
            DeadLetters::Table { table } => {
                let table = TableName::new(table.as_str());
                let Some(block) = dead_letters::block(table.clone(), &bad.letters) else { return Ok(None) };
                let records = bad.records;
                drop(bad.letters);
                let turn = decode_turn(&self.gateway, self.deadline).await?;
                let (submission, ticket) = self.submission(block, None, &turn);
                drop(turn);
                self.gateway.sink.submit(submission).await;
                Ok(Some((Letters::Table(table, ticket), records)))
            }
        }
    }

    /// QuestDB has refused rows of a write, and nothing of it is written. Where the table has changed, its rows are
    /// made again by what it looks like now: that finds all records at once that do not fit any more. Where it has not,
    /// the refused records are bad ones. Err: the rest is not written.
    async fn again(
        &mut self,
        write: &Write,
        errors: Vec<RowError>,
    ) -> Result<(Vec<(Write, Ticket)>, Option<(Letters, Vec<RecordIndex>)>), Failure> {
        let Some((records, _)) = self.kept.clone() else {
            return Err(Failure::new(ErrorCode::UnknownServerError, "the batch was not kept".to_owned()));
        };
        self.label = None;
        let changed = self.has_changed(write).await?;
        if !changed {
            self.refused.extend(errors.into_iter().map(|error| (error.record, error)));
        }
        let batch = RecordBatch::parse(&records, usize::MAX)
            .map_err(|error| Failure::new(error.error_code(), error.to_string()))?;
        let mut plans = Plans::default();
        plans.learn(&self.gateway, &self.topic, &write.table, self.deadline).await?;
        let turn = decode_turn(&self.gateway, self.deadline).await?;
        let Rows { mut tables, mut bad, turn, .. } = self.rows(&batch, &mut plans, turn).await?;
        tables.retain(|rows| rows.block.table == write.table);
        // The others have been told already.
        let concerned: HashSet<RecordIndex> = write.records.iter().copied().collect();
        bad.retain(|record| concerned.contains(&record));
        let writes = self.submit(tables, &plans, turn).await;
        let letters = self.set_aside(bad).await?;
        Ok((writes, letters))
    }

    /// Whether a table looks different now from when a write's rows were made.
    async fn has_changed(&self, write: &Write) -> Result<bool, Failure> {
        self.gateway.schemas.invalidate(&write.table).await;
        let now = schema(&self.gateway, &self.topic, &write.table, self.deadline).await?;
        Ok(write.schema.as_ref().is_some_and(|before| **before != *now))
    }

    /// Sees that letters are kept. Err: they are not known to be.
    async fn keep(&self, letters: Letters) -> Result<(), Failure> {
        match letters {
            Letters::Topic(target, letters) => self
                .gateway
                .kafka_letters
                .send(&target, &letters, self.deadline)
                .await
                .map_err(|reason| Failure::new(ErrorCode::NotEnoughReplicas, reason)),
            Letters::Table(table, ticket) => match ticket.outcome().await {
                Outcome::Committed => Ok(()),
                Outcome::Unknown(reason) => {
                    Err(Failure::new(ErrorCode::RequestTimedOut, reason.as_ref().to_owned()))
                }
                Outcome::Unavailable(reason) => {
                    Err(Failure::new(ErrorCode::NotEnoughReplicas, reason.as_ref().to_owned()))
                }
                Outcome::Rejected(errors) => {
                    let reason = errors.into_iter().next().map(|error| error.message).unwrap_or_default();
                    let message = format!(
                        "table {table} does not take dead letters: {reason}; rename it, so that a new one is made, or \
                         set `dlq` for topic {:?} to another table",
                        self.topic.name()
                    );
                    Err(Failure::new(ErrorCode::NotEnoughReplicas, message))
                }
            },
        }
    }

    /// Says in the log what was set aside, at a bounded rate.
    fn log(&self, bad: &BadRecords) {
        let Some(suppressed) = self.gateway.refusals.let_through() else { return };
        let (topic, partition, records) = (self.topic.name(), self.placement.partition, bad.len());
        let first = bad.errors.first().map(|error| (error.record, error.message.as_str()));
        let letter = bad.letters.first();
        let letter =
            letter.map(|letter| ((letter.offset - self.placement.base_offset) as u32, &*letter.error));
        let (record, message) = first.or(letter).unwrap_or_default();
        match self.topic.config().on_error {
            OnError::Dlq => {
                tracing::warn!(%topic, partition, records, record, suppressed, "kept as dead letters: {message}");
            }
            _ => tracing::warn!(%topic, partition, records, record, suppressed, "skipped: {message}"),
        }
    }
}

impl Writing {
    /// Waits until it is known what became of the batch. Ok: all its records have their rows or letters, but those that
    /// are named. Err: the rest of it is not written, or not known to be.
    pub(super) async fn written(self: Box<Self>) -> Result<Option<Rejection>, Failure> {
        let Self { mut job, mut writes, mut letters } = *self;
        let gateway = job.gateway.clone();
        let mut rejected = Vec::new();
        let mut failure: Option<Failure> = None;
        while let Some((write, ticket)) = writes.pop_front() {
            match ticket.outcome().await {
                Outcome::Committed => {
                    if write.adds_columns {
                        gateway.schemas.invalidate(&write.table).await;
                    }
                    job.progress.rows_written(write);
                }
                Outcome::Rejected(errors) if job.kept.is_some() => match job.again(&write, errors).await {
                    Ok((again, more)) => {
                        writes.extend(again);
                        letters.extend(more);
                    }
                    Err(failed) => drop(failure.get_or_insert(failed)),
                },
                // The table was changed a moment ago: what the producer sends again is made for what it is now.
                Outcome::Rejected(errors) => match job.has_changed(&write).await {
                    Ok(false) => rejected.extend(errors),
                    Ok(true) => {
                        let message =
                            format!("table {} was changed while the batch was under way", write.table);
                        failure.get_or_insert(Failure::new(ErrorCode::NotEnoughReplicas, message));
                    }
                    Err(failed) => drop(failure.get_or_insert(failed)),
                },
                // That one table's rows may be written weighs more than that another's are not.
                Outcome::Unknown(reason) => {
                    failure = Some(Failure::new(ErrorCode::RequestTimedOut, reason.as_ref().to_owned()));
                }
                Outcome::Unavailable(reason) => {
                    let unavailable = Failure::new(ErrorCode::NotEnoughReplicas, reason.as_ref().to_owned());
                    failure.get_or_insert(unavailable);
                }
            }
        }
        for (letters, records) in letters {
            match job.keep(letters).await {
                Ok(()) => job.progress.letters_kept(records),
                Err(failed) => drop(failure.get_or_insert(failed)),
            }
        }
        if let Some(failure) = failure {
            return Err(job.progress.explain(failure));
        }
        let written = job.progress.finish();
        if rejected.is_empty() {
            return Ok(None);
        }
        gateway.metrics.bad_records(OnError::Reject, rejected.len());
        Ok(Some(Rejection { errors: rejected, written }))
    }
}

/// Waits for the turn to make rows.
pub(super) async fn decode_turn(gateway: &Gateway, deadline: Instant) -> Result<DecodeTurn, Failure> {
    timeout_at(deadline, gateway.memory.decode_turn()).await.map_err(|_| {
        let message = "memory is full of batches that wait for QuestDB (limits.memory)".to_owned();
        Failure::new(ErrorCode::NotEnoughReplicas, message)
    })
}
