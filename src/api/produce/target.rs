use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use quafka_protocol::ErrorCode;

use super::Circumstances;
use super::batch::{Checked, Placement, check};
use super::job::{Job, Rows, decode_turn};
use super::plans::Plans;
use super::response::Failure;
use super::settle::{Pending, Waiting};
use super::unfinished::Progress;
use crate::api::errors::topic_error;
use crate::api::{Call, Gateway};
use crate::memory::FrameCharge;
use crate::topics::{Rejection, Topic};

/// A topic that can be written to.
pub(super) struct Target {
    topic: Arc<Topic>,
    plans: Plans,
}

impl Target {
    pub(super) async fn of(gateway: &Gateway, name: &str, deadline: Instant) -> Result<Self, Failure> {
        let topic = gateway
            .topics
            .resolve(name)
            .map_err(|error| Failure::new(topic_error(&error), format!("topic {name:?}: {error}")))?;
        let plans = Plans::of(gateway, &topic, deadline).await?;
        Ok(Self { topic, plans })
    }

    /// Checks one partition's batch, makes rows of it and hands them to their lanes. Err: nothing of it is on its way.
    pub(super) async fn write(
        &mut self,
        call: Call<'_>,
        index: i32,
        records: Option<Bytes>,
        charge: &Arc<FrameCharge>,
        circumstances: Circumstances,
    ) -> Result<Pending, Pending> {
        let failed = |error, message: String| Pending::Failed(Failure::new(error, message));
        let topic = &self.topic;
        let Some(partition) = topic.partition(index) else {
            let last = topic.partitions().len() - 1;
            let message = format!("topic {:?} has no partition {index}, only 0 to {last}", topic.name());
            return Err(failed(ErrorCode::UnknownTopicOrPartition, message));
        };
        let Some(records) = records else {
            return Err(failed(ErrorCode::InvalidRecord, "no record batch".to_owned()));
        };
        let deadline = circumstances.deadline;
        let turn = decode_turn(call.gateway, deadline).await.map_err(Pending::Failed)?;
        let limits = &call.gateway.config.limits;
        let Checked { batch, mut admitted } =
            check(partition, &records, circumstances, limits, &call.gateway.metrics)?;
        let base_offset = if topic.pipeline().needs_offsets() { admitted.reserve_offsets() } else { 0 };
        let mut job = Job {
            gateway: call.gateway.clone(),
            topic: topic.clone(),
            placement: Placement { partition: index, base_offset, arrival_ms: circumstances.arrival_ms },
            deadline,
            fence: admitted.fence(),
            progress: Progress::of(call.gateway, topic.name(), index, batch.header),
            kept: topic.pipeline().sets_bad_records_aside().then(|| (records.clone(), charge.clone())),
            refused: HashMap::new(),
        };
        let Rows { tables, bad, filtered, turn } =
            job.rows(&batch, &mut self.plans, turn).await.map_err(Pending::Failed)?;
        if bad.refuse_the_batch() && !bad.is_empty() {
            call.gateway.metrics.bad_records(topic.config().on_error, bad.len());
            let rejection = Arc::new(Rejection { errors: bad.errors, written: job.progress.finish() });
            admitted.reject(rejection.clone());
            return Err(Pending::Rejected(rejection));
        }
        call.gateway.metrics.filtered_rows(filtered);
        if tables.is_empty() && bad.is_empty() {
            job.progress.finish();
            return Ok(Pending::Committed { base_offset: admitted.commit() });
        }
        call.gateway.metrics.substituted_timestamps(tables.iter().map(|rows| rows.substitutes).sum());
        let writes = job.submit(tables, &self.plans, turn).await;
        let letters = job.set_aside(bad).await.map_err(Pending::Failed)?;
        Ok(Pending::Waiting(Box::new(Waiting {
            job,
            writes,
            letters: letters.into_iter().collect(),
            admitted,
        })))
    }
}
