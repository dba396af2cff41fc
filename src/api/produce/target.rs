use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use quafka_protocol::ErrorCode;
use tokio::time::timeout_at;

use super::Circumstances;
use super::batch::{Checked, Converted, Placement, check, convert};
use super::response::Failure;
use super::settle::{Pending, Waiting, Write};
use crate::api::Call;
use crate::api::errors::topic_error;
use crate::mapping::{Plan, TableRows};
use crate::memory::DecodeTurn;
use crate::rows::{RowError, TableName};
use crate::schema::TableSchema;
use crate::sink::{Submission, ticket};
use crate::topics::{Admitted, Topic};

/// Between two attempts to ask QuestDB what a table looks like.
const SCHEMA_PAUSE: Duration = Duration::from_millis(100);

/// A record that a column does not take makes the gateway look at the table again, because somebody may have changed
/// the column; not more often than that.
const SCHEMA_DOUBT: Duration = Duration::from_secs(1);

/// A topic that can be written to.
pub(super) struct Target {
    topic: Arc<Topic>,
    /// How its records become rows, for the tables that are known.
    plans: HashMap<TableName, Arc<Plan>>,
}

impl Target {
    pub(super) async fn of(call: Call<'_>, name: &str, deadline: Instant) -> Result<Self, Failure> {
        let topic = call
            .gateway
            .topics
            .resolve(name)
            .map_err(|error| Failure::new(topic_error(&error), format!("topic {name:?}: {error}")))?;
        let mut target = Self { topic, plans: HashMap::new() };
        match target.topic.pipeline().table().cloned() {
            Some(table) => target.learn(call, &table, deadline).await?,
            // Which tables there are is known when the records have been read. Likely the same as last time.
            None => {
                for table in target.topic.tables() {
                    if let Some(schema) = call.gateway.schemas.remembered(&table).await {
                        target.plan(&table, &schema)?;
                    }
                }
            }
        }
        Ok(target)
    }

    async fn learn(&mut self, call: Call<'_>, table: &TableName, deadline: Instant) -> Result<(), Failure> {
        let schema = schema(call, table, deadline).await?;
        self.plan(table, &schema)
    }

    /// Forgets the tables that may have changed since they were looked at.
    async fn doubt_tables(&self, call: Call<'_>) -> Vec<TableName> {
        let mut doubtful = Vec::new();
        for table in self.plans.keys() {
            if call.gateway.schemas.invalidate_older(table, SCHEMA_DOUBT).await {
                doubtful.push(table.clone());
            }
        }
        doubtful
    }

    fn plan(&mut self, table: &TableName, schema: &Arc<TableSchema>) -> Result<(), Failure> {
        let plan = self
            .topic
            .plan(table, schema)
            .map_err(|error| Failure::new(ErrorCode::InvalidRecord, error.to_string()))?;
        self.plans.insert(table.clone(), plan);
        Ok(())
    }

    /// Checks one partition's batch, makes rows of it and hands them to their lanes.
    pub(super) async fn write(
        &mut self,
        call: Call<'_>,
        index: i32,
        records: Option<Bytes>,
        circumstances: Circumstances,
    ) -> Pending {
        self.written(call, index, records, circumstances).await.unwrap_or_else(|pending| pending)
    }

    async fn written(
        &mut self,
        call: Call<'_>,
        index: i32,
        records: Option<Bytes>,
        circumstances: Circumstances,
    ) -> Result<Pending, Pending> {
        let failed = |error, message: String| Pending::Failed(Failure::new(error, message));
        let topic = self.topic.clone();
        let Some(partition) = topic.partition(index) else {
            let last = topic.partitions().len() - 1;
            let message = format!("topic {:?} has no partition {index}, only 0 to {last}", topic.name());
            return Err(failed(ErrorCode::UnknownTopicOrPartition, message));
        };
        let Some(records) = records else {
            return Err(failed(ErrorCode::InvalidRecord, "no record batch".to_owned()));
        };
        let limits = &call.gateway.config.limits;
        let mut turn = decode_turn(call, circumstances.deadline).await?;
        let Checked { batch, mut admitted } =
            check(partition, &records, circumstances, limits, &call.gateway.metrics)?;
        let placement = Placement {
            partition: index,
            base_offset: if topic.pipeline().needs_offsets() { admitted.reserve_offsets() } else { 0 },
            arrival_ms: circumstances.arrival_ms,
        };
        let mut looked_again = false;
        let (tables, errors) = loop {
            let converted = call.gateway.with_decompressor(|decompressor| {
                convert(topic.pipeline(), &self.plans, &batch, placement, limits, decompressor)
            });
            let to_learn = match converted.map_err(Pending::Failed)? {
                Converted::Rows { tables, errors } => {
                    let by_columns = errors.iter().any(|error| error.column.is_some());
                    if !by_columns || std::mem::replace(&mut looked_again, true) {
                        break (tables, errors);
                    }
                    let doubtful = self.doubt_tables(call).await;
                    if doubtful.is_empty() {
                        break (tables, errors);
                    }
                    doubtful
                }
                Converted::UnknownTables(tables) => tables,
            };
            drop(turn);
            for table in to_learn {
                self.learn(call, &table, circumstances.deadline).await.map_err(Pending::Failed)?;
            }
            turn = decode_turn(call, circumstances.deadline).await?;
        };
        if !errors.is_empty() {
            return Err(reject(admitted, errors));
        }
        if tables.is_empty() {
            return Ok(Pending::Committed { base_offset: admitted.commit() });
        }
        let mut submissions = Vec::with_capacity(tables.len());
        let mut writes = Vec::with_capacity(tables.len());
        for TableRows { block, adds_columns, substitutes } in tables {
            call.gateway.metrics.substituted_timestamps(substitutes);
            let (resolver, ticket) = ticket();
            writes.push(Write { table: block.table.clone(), ticket, adds_columns });
            submissions.push(Submission {
                partition: index,
                deadline: circumstances.deadline,
                fence: admitted.fence(),
                charge: turn.charge(block.memory_bytes()),
                block,
                resolver,
            });
        }
        drop(turn);
        for submission in submissions {
            call.gateway.sink.submit(submission).await;
        }
        Ok(Pending::Waiting(Waiting { writes, admitted }))
    }
}

fn reject(admitted: Admitted, errors: Vec<RowError>) -> Pending {
    let errors: Arc<[RowError]> = errors.into();
    admitted.reject(errors.clone());
    Pending::Rejected(errors)
}

async fn decode_turn(call: Call<'_>, deadline: Instant) -> Result<DecodeTurn, Pending> {
    timeout_at(deadline.into(), call.gateway.memory.decode_turn()).await.map_err(|_| {
        let message = "memory is full of batches that wait for QuestDB (limits.memory)".to_owned();
        Pending::Failed(Failure::new(ErrorCode::NotEnoughReplicas, message))
    })
}

/// What the table looks like. QuestDB may be away for a moment: that is waited for, as it is by the lanes.
async fn schema(call: Call<'_>, table: &TableName, deadline: Instant) -> Result<Arc<TableSchema>, Failure> {
    let unavailable = |reason| Failure::new(ErrorCode::NotEnoughReplicas, reason);
    loop {
        match timeout_at(deadline.into(), call.gateway.schemas.table(table)).await {
            Ok(Ok(schema)) => return Ok(schema),
            Ok(Err(_)) if Instant::now() + SCHEMA_PAUSE < deadline => tokio::time::sleep(SCHEMA_PAUSE).await,
            Ok(Err(error)) => return Err(unavailable(error.to_string())),
            Err(_) => {
                return Err(unavailable(format!("QuestDB does not say what columns table `{table}` has")));
            }
        }
    }
}
