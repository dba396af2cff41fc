use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use quafka_protocol::{ErrorCode, RecordBatch};
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
use crate::topics::{Admitted, Partition, Topic};

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
        let gateway = call.gateway;
        let limits = &gateway.config.limits;
        let partition = self.partition(index).map_err(Pending::Failed)?;
        let Some(records) = records else {
            let failure = Failure::new(ErrorCode::InvalidRecord, "no record batch".to_owned());
            return Err(Pending::Failed(failure));
        };
        let overflows = gateway.spooling.as_ref().is_some_and(|spooling| spooling.overflows());
        let turn = match &self.plans {
            Ok(_) => decode_turn(gateway, circumstances.deadline).await,
            Err(failure) => Err(failure.clone()),
        };
        let Checked { batch, mut admitted } =
            check(partition, &records, circumstances, limits, &gateway.metrics)?;
        let placement = Placement { partition: index, base_offset: 0, arrival_ms: circumstances.arrival_ms };
        let spooled = gateway.spooling.as_ref().map(|spooling| Overflow {
            spooling: spooling.clone(),
            topic: self.topic.name().clone(),
            placement,
            batch: records.clone(),
            charge: charge.clone(),
            claim: None,
        });
        // Nobody looks into what goes to the spool before it is acknowledged, so it has to be whole.
        let check_whole = || {
            gateway
                .with_decompressor(|decompressor| check_records(&batch, limits, decompressor))
                .map_err(Pending::Failed)
        };
        let overflow = match spooled {
            Some(spooled) if spooled.is_next() => {
                check_whole()?;
                return Ok(spooled.settled_later(admitted));
            }
            spooled => spooled.filter(|_| overflows),
        };
        let kept = (records.clone(), charge.clone());
        let job = self.job(gateway, &batch, &mut admitted, placement, circumstances.deadline, kept);
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
                check_whole()?;
                // What comes next must not be written before it: it goes the same way from here on.
                Ok(Pending::Overflow(Box::new((overflow.claim(), admitted))))
            }
            (Err(failure), _) => Err(Pending::Failed(failure)),
        }
    }

    fn partition(&self, index: i32) -> Result<&Arc<Partition>, Failure> {
        self.topic.partition(index).ok_or_else(|| {
            let last = self.topic.partitions().len() - 1;
            let message = format!("topic {:?} has no partition {index}, only 0 to {last}", self.topic.name());
            Failure::new(ErrorCode::UnknownTopicOrPartition, message)
        })
    }

    /// A batch on its way to rows. `kept` is what dead letters are made of.
    fn job(
        &self,
        gateway: &Arc<Gateway>,
        batch: &RecordBatch<'_>,
        admitted: &mut Admitted,
        mut placement: Placement,
        deadline: Instant,
        kept: (Bytes, Arc<FrameCharge>),
    ) -> Job {
        let topic = &self.topic;
        let mut label = None;
        if topic.pipeline().needs_offsets() || gateway.asks_later() {
            placement.base_offset = admitted.reserve_offsets();
            label = label::of_batch(topic.name(), placement, &batch.header).filter(|_| gateway.asks_later());
        }
        Job {
            gateway: gateway.clone(),
            topic: topic.clone(),
            placement,
            deadline,
            fence: admitted.fence(),
            progress: Progress::of(gateway, topic.name(), placement.partition, batch.header),
            kept: topic.pipeline().sets_bad_records_aside().then_some(kept),
            label,
            refused: HashMap::new(),
        }
    }
}
