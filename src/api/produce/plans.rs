use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use quafka_protocol::ErrorCode;
use tokio::time::{Instant, timeout_at};

use super::response::Failure;
use crate::api::Gateway;
use crate::mapping::Plan;
use crate::rows::TableName;
use crate::schema::{SchemaError, TableSchema};
use crate::topics::Topic;

/// Between two attempts to ask QuestDB what a table looks like.
const SCHEMA_PAUSE: Duration = Duration::from_millis(100);

/// A record that a column does not take makes the gateway look at the table again, because somebody may have changed
/// the column; not more often than that.
const SCHEMA_DOUBT: Duration = Duration::from_secs(1);

/// How a topic's records become rows, for the tables that are known so far.
#[derive(Default)]
pub(super) struct Plans {
    pub(super) by_table: HashMap<TableName, Arc<Plan>>,
    /// What the plans were made for.
    pub(super) schemas: HashMap<TableName, Arc<TableSchema>>,
}

impl Plans {
    /// For all tables that are likely to be needed.
    pub(super) async fn of(gateway: &Gateway, topic: &Topic, deadline: Instant) -> Result<Self, Failure> {
        let mut plans = Self::default();
        match topic.pipeline().table() {
            Some(table) => plans.learn(gateway, topic, table, deadline).await?,
            // Which tables there are is known when the records have been read. Likely the same as last time.
            None => {
                for table in topic.tables() {
                    if let Some(schema) = gateway.schemas.remembered(&table).await {
                        plans.add(topic, &table, schema)?;
                    }
                }
            }
        }
        Ok(plans)
    }

    /// Asks what a table looks like and makes the plan for it.
    pub(super) async fn learn(
        &mut self,
        gateway: &Gateway,
        topic: &Topic,
        table: &TableName,
        deadline: Instant,
    ) -> Result<(), Failure> {
        let schema = schema(gateway, topic, table, deadline).await?;
        self.add(topic, table, schema)
    }

    /// Forgets the tables that may have changed since they were looked at.
    pub(super) async fn doubt(&self, gateway: &Gateway) -> Vec<TableName> {
        let mut doubtful = Vec::new();
        for table in self.by_table.keys() {
            if gateway.schemas.invalidate_older(table, SCHEMA_DOUBT).await {
                doubtful.push(table.clone());
            }
        }
        doubtful
    }

    fn add(&mut self, topic: &Topic, table: &TableName, schema: Arc<TableSchema>) -> Result<(), Failure> {
        let plan = topic
            .plan(table, &schema)
            .map_err(|error| Failure::new(ErrorCode::InvalidRecord, error.to_string()))?;
        self.by_table.insert(table.clone(), plan);
        self.schemas.insert(table.clone(), schema);
        Ok(())
    }
}

/// What the table looks like, which is created where it is not there and the topic's settings say how. QuestDB may be
/// away for a moment: that is waited for, as it is by the lanes.
pub(super) async fn schema(
    gateway: &Gateway,
    topic: &Topic,
    table: &TableName,
    deadline: Instant,
) -> Result<Arc<TableSchema>, Failure> {
    let unavailable = |reason| Failure::new(ErrorCode::NotEnoughReplicas, reason);
    loop {
        match timeout_at(deadline, gateway.schemas.table_of(table, topic.config())).await {
            Ok(Ok(schema)) => return Ok(schema),
            Ok(Err(refused @ SchemaError::Refused { .. })) => {
                return Err(Failure::new(ErrorCode::InvalidConfig, refused.to_string()));
            }
            // That lasts until somebody sees to it, and whoever sends to other tables is not to wait for that.
            Ok(Err(suspended @ SchemaError::Suspended { .. })) => {
                return Err(unavailable(suspended.to_string()));
            }
            Ok(Err(_)) if Instant::now() + SCHEMA_PAUSE < deadline => tokio::time::sleep(SCHEMA_PAUSE).await,
            Ok(Err(error)) => return Err(unavailable(error.to_string())),
            Err(_) => {
                return Err(unavailable(format!("QuestDB does not say what columns table `{table}` has")));
            }
        }
    }
}
