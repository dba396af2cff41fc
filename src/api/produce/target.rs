use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use quafka_protocol::ErrorCode;
use tokio::time::Instant;

use super::Circumstances;
use super::batch::{Checked, Placement, check, check_records};
use super::job::{Begun, Job, decode_turn};
use super::label;
use super::plans::Plans;
use super::response::Failure;
use super::settle::{Pending, Waiting};
use super::spooling::Overflow;
use super::unfinished::Progress;
use crate::api::errors::topic_error;
use crate::api::{Call, Gateway};
use crate::memory::FrameCharge;
use crate::topics::Topic;

/// A topic that can be written to.
pub(super) struct Target {
    topic: Arc<Topic>,
    /// Err: nothing can be written now. Batches are checked all the same: they may overflow into the spool, and one that
    /// fails keeps those behind it from being taken for the first of their producer.
    plans: Result<Plans, Failure>,
}

impl Target {
    pub(super) async fn of(gateway: &Gateway, name: &str, deadline: Instant) -> Result<Self, Failure> {
        let topic = gateway
            .topics
            .resolve(name)
            .map_err(|error| Failure::new(topic_error(&error), format!("topic {name:?}: {error}")))?;
        let plans = match &gateway.spooling {
            Some(spooling) if spooling.takes_all() => Ok(Plans::default()),
            _ => Plans::of(gateway, &topic, deadline).await,
        };
        Ok(Self { topic, plans })
    }

    /// Checks one partition's batch, and makes rows of it that go to their lanes, or hands it to the spool. Err: nothing of
    /// it is on its way.
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
        let gateway = call.gateway;
        let overflows = gateway.spooling.as_ref().is_some_and(|spooling| spooling.overflows());
        let turn = match &self.plans {
            Ok(_) => decode_turn(gateway, deadline).await,
            Err(failure) => Err(failure.clone()),
        };
        let limits = &gateway.config.limits;
        let Checked { batch, mut admitted } =
            check(partition, &records, circumstances, limits, &gateway.metrics)?;
        let mut placement =
            Placement { partition: index, base_offset: 0, arrival_ms: circumstances.arrival_ms };
        let mut overflow = None;
        if let Some(spooling) = &gateway.spooling {
            let (spooling, topic) = (spooling.clone(), topic.name().clone());
            let goes_there = spooling.takes_all() || spooling.has(&(topic.clone(), index));
            let batch_there = Overflow {
                spooling,
                topic,
                placement,
                batch: records.clone(),
                charge: charge.clone(),
                claim: None,
            };
            if goes_there {
                gateway
                    .with_decompressor(|decompressor| check_records(&batch, limits, decompressor))
                    .map_err(Pending::Failed)?;
                return Ok(batch_there.settled_later(admitted));
            }
            overflow = overflows.then_some(batch_there);
        }
        let mut label = None;
        if topic.pipeline().needs_offsets() || gateway.asks_later() {
            placement.base_offset = admitted.reserve_offsets();
            label = label::of_batch(topic.name(), placement, &batch.header).filter(|_| gateway.asks_later());
        }
        let job = Job {
            gateway: gateway.clone(),
            topic: topic.clone(),
            placement,
            deadline,
            fence: admitted.fence(),
            progress: Progress::of(gateway, topic.name(), index, batch.header),
            kept: topic.pipeline().sets_bad_records_aside().then(|| (records.clone(), charge.clone())),
            label,
            refused: HashMap::new(),
        };
        let begun = match (&mut self.plans, turn) {
            (Ok(plans), Ok(turn)) => job.begin(&batch, plans, turn).await,
            (Err(failure), _) => Err(failure.clone()),
            (Ok(_), Err(failure)) => Err(failure),
        };
        match (begun, overflow) {
            (Ok(Begun::Rows(begun)), overflow) => {
                Ok(Pending::Waiting(Box::new(Waiting { begun, admitted, overflow })))
            }
            (Ok(Begun::Nothing), _) => Ok(Pending::Committed { base_offset: admitted.commit() }),
            (Ok(Begun::Rejected(rejection)), _) => {
                admitted.reject(rejection.clone());
                Err(Pending::Rejected(rejection))
            }
            (Err(failure), Some(overflow)) if failure.is_questdbs() => {
                gateway
                    .with_decompressor(|decompressor| check_records(&batch, limits, decompressor))
                    .map_err(Pending::Failed)?;
                // What comes next must not be written before it: it goes the same way from here on.
                Ok(Pending::Overflow(Box::new((overflow.claim(), admitted))))
            }
            (Err(failure), _) => Err(Pending::Failed(failure)),
        }
    }
}
