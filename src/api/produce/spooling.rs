//! Batches that go to the spool, and when.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use quafka_protocol::{ErrorCode, RecordBatch};

use super::batch::Placement;
use super::label::Written;
use super::response::Failure;
use super::settle::Pending;
use crate::config::{Durability, SpoolConfig};
use crate::fence::FenceToken;
use crate::memory::FrameCharge;
use crate::spool::{Appended, Entry, EntryHead, Folder, LogOptions, NewEntry, Recovered, Spool, SpoolError};
use crate::topics::{Admitted, Committed, History, Sequence, last_of};

/// A topic's partition.
pub(super) type Place = (Arc<str>, i32);

/// What is counted of the spool.
#[derive(Clone, Debug, Default)]
pub struct SpoolMetrics {
    batches: Gauge,
    disk_bytes: Gauge,
    appended: Counter,
    appended_bytes: Counter,
    append_failures: Counter,
    pub(super) drained: Counter,
}

impl SpoolMetrics {
    /// Adds them to a registry.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("spool");
        registry.register("batches", "Record batches that wait for QuestDB on disk", self.batches.clone());
        registry.register("disk_bytes", "What the spool takes on the disk", self.disk_bytes.clone());
        registry.register("appended", "Record batches that went to the spool", self.appended.clone());
        registry.register("appended_bytes", "Their bytes as sent", self.appended_bytes.clone());
        registry.register(
            "append_failures",
            "Record batches that the spool did not take: it was full, or its disk failed",
            self.append_failures.clone(),
        );
        registry.register("drained", "Record batches of the spool that were written", self.drained.clone());
    }
}

/// The spool of a gateway, and which partitions have batches in it.
pub struct Spooling {
    pub(super) spool: Spool,
    durability: Durability,
    /// Batches that are in the spool, or about to be.
    waiting: Mutex<HashMap<Place, u64>>,
    pub(super) metrics: SpoolMetrics,
}

/// A place in the partition's line for the spool: as long as there is one, batches that come later go to the spool, too.
/// Dropped, the batch is not there, or not there any more.
pub(super) struct Claim {
    spooling: Arc<Spooling>,
    place: Place,
    /// The batch is in the spool, so that the claim outlives this.
    kept: bool,
}

impl Spooling {
    /// The spool's folder in the data dir.
    pub const FOLDER: &str = "spool";

    /// Opens the spool and says in the log what it holds.
    pub fn open(
        folder: Arc<dyn Folder>,
        durability: Durability,
        config: &SpoolConfig,
        metrics: SpoolMetrics,
        history: &mut History,
        written: &Written,
    ) -> io::Result<Self> {
        let options =
            LogOptions { segment_bytes: config.segment_bytes as u64, limit_bytes: config.bytes as u64 };
        let mut waiting = HashMap::new();
        let mut done = Vec::new();
        let (spool, recovered) = Spool::open(folder, options, |entry| {
            let place: Place = (entry.head.topic.as_str().into(), entry.head.partition);
            // The disk failed to sync this one, so its producer has sent it again, and QuestDB has taken that.
            if committed(entry).is_some_and(|committed| !history.adopt(&place, committed)) {
                done.push(entry.head.number);
                return;
            }
            if written.has(&entry.head, &place) {
                done.push(entry.head.number);
                return;
            }
            *waiting.entry(place).or_default() += 1;
        })?;
        done.iter().for_each(|&number| spool.done(number));
        say(&recovered);
        metrics.batches.set((recovered.entries - done.len() as u64) as i64);
        metrics.disk_bytes.set(spool.disk_bytes() as i64);
        Ok(Self { spool, durability, waiting: Mutex::new(waiting), metrics })
    }

    /// Whether all batches go to the spool.
    pub(super) fn takes_all(&self) -> bool {
        self.durability == Durability::Spool
    }

    /// Whether batches go to the spool that QuestDB does not take in time.
    pub(super) fn overflows(&self) -> bool {
        self.durability == Durability::Overflow
    }

    /// Whether batches of this partition wait in the spool, so that later ones have to go there, too.
    pub(super) fn has(&self, place: &Place) -> bool {
        self.waiting.lock().contains_key(place)
    }

    /// Batches in the spool, of all partitions.
    pub fn batches(&self) -> u64 {
        self.waiting.lock().values().sum()
    }

    /// Writes down what is done, and gives back the room that it took.
    pub(super) async fn forget(&self) -> io::Result<()> {
        let forgotten = self.spool.forget().await;
        self.metrics.disk_bytes.set(self.spool.disk_bytes() as i64);
        forgotten
    }

    pub(super) fn claim(self: &Arc<Self>, place: Place) -> Claim {
        *self.waiting.lock().entry(place.clone()).or_default() += 1;
        self.metrics.batches.inc();
        Claim { spooling: self.clone(), place, kept: false }
    }

    /// A batch is not in the spool any more.
    pub(super) fn left(&self, place: &Place) {
        let mut waiting = self.waiting.lock();
        if let Some(count) = waiting.get_mut(place) {
            *count = count.saturating_sub(1);
            self.metrics.batches.dec();
            if *count == 0 {
                waiting.remove(place);
            }
        }
    }
}

/// A batch that goes to the spool where QuestDB cannot be waited for.
pub(super) struct Overflow {
    pub(super) spooling: Arc<Spooling>,
    pub(super) topic: Arc<str>,
    pub(super) placement: Placement,
    pub(super) batch: Bytes,
    /// Its share of the memory budget.
    pub(super) charge: Arc<FrameCharge>,
    /// Taken at once where batches before it are in the spool.
    pub(super) claim: Option<Claim>,
}

/// A batch that is being stored.
pub(super) struct Storing {
    claim: Claim,
    appended: Appended,
    admitted: Admitted,
    _charge: Arc<FrameCharge>,
}

impl Overflow {
    /// Whether the batch's way leads to the spool whatever QuestDB does.
    pub(super) fn is_next(&self) -> bool {
        self.spooling.takes_all() || self.spooling.has(&self.place())
    }

    fn place(&self) -> Place {
        (self.topic.clone(), self.placement.partition)
    }

    /// Takes the batch's place in the partition's line for the spool.
    pub(super) fn claim(mut self) -> Self {
        self.claim = Some(self.spooling.claim(self.place()));
        self
    }

    /// A batch that goes to the spool at once. Where all do, it is handed over now, so that the next one need not wait
    /// for it; else when all before it on its connection are settled, because some of those may go there only then.
    pub(super) fn settled_later(self, admitted: Admitted) -> Pending {
        if self.spooling.takes_all() {
            let fence = admitted.fence();
            return Pending::Storing(Box::new(self.store(admitted, fence)));
        }
        Pending::Overflow(Box::new((self.claim(), admitted)))
    }

    /// Hands the batch to the spool.
    fn store(mut self, mut admitted: Admitted, fence: Option<FenceToken>) -> Storing {
        let claim = self.claim.take().unwrap_or_else(|| self.spooling.claim(self.place()));
        self.placement.base_offset = admitted.reserve_offsets();
        let appended = claim.append(self.placement, self.batch, fence);
        Storing { claim, appended, admitted, _charge: self.charge }
    }

    /// Stores a batch when it is its turn: when it is known what became of its producer's batches before it. One that
    /// QuestDB was sent and has not answered may be among them, long after a later one was given up. Returns the first
    /// offset.
    pub(super) async fn save(self, admitted: Admitted) -> Result<i64, Failure> {
        admitted.earlier_settled().await;
        if !admitted.is_in_line() {
            return Err(failure(&SpoolError::OutOfLine));
        }
        self.store(admitted, None).stored().await
    }
}

impl Storing {
    /// Waits until the batch is in the spool. Returns its first offset.
    pub(super) async fn stored(self) -> Result<i64, Failure> {
        let Self { claim, appended, admitted, _charge } = self;
        let metrics = &claim.spooling.metrics;
        let location = appended.stored().await.map_err(|error| {
            metrics.append_failures.inc();
            failure(&error)
        })?;
        metrics.appended.inc();
        metrics.appended_bytes.inc_by(u64::from(location.bytes));
        metrics.disk_bytes.set(claim.spooling.spool.disk_bytes() as i64);
        claim.keep();
        Ok(admitted.commit())
    }
}

impl Claim {
    /// Appends the batch, behind all that were appended before.
    pub(super) fn append(&self, placement: Placement, batch: Bytes, fence: Option<FenceToken>) -> Appended {
        let (topic, partition) = &self.place;
        let head = EntryHead {
            number: 0,
            arrival_ms: placement.arrival_ms,
            base_offset: placement.base_offset,
            topic: topic.as_ref().to_owned(),
            partition: *partition,
        };
        self.spooling.spool.append(NewEntry { head, batch, fence })
    }

    /// The batch is in the spool: the claim lasts until it is drained.
    pub(super) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.kept {
            self.spooling.left(&self.place);
        }
    }
}

/// A batch of an idempotent producer's, which must not be taken again when its acknowledgement was lost.
fn committed(entry: &Entry<'_>) -> Option<Committed> {
    let header = RecordBatch::parse(entry.batch, usize::MAX).ok()?.header;
    (header.producer_id >= 0).then(|| {
        let sequence = Sequence {
            producer_id: header.producer_id,
            epoch: header.producer_epoch,
            first: header.base_sequence,
            last: last_of(header.base_sequence, header.record_count),
        };
        Committed { sequence, base_offset: entry.head.base_offset }
    })
}

/// What a producer hears of a batch that is not in the spool.
pub(super) fn failure(error: &SpoolError) -> Failure {
    let code = match error {
        SpoolError::Full(_) | SpoolError::OutOfLine | SpoolError::Closed => ErrorCode::NotEnoughReplicas,
        SpoolError::Failed(_) => ErrorCode::KafkaStorageError,
    };
    Failure::new(code, error.to_string())
}

fn say(recovered: &Recovered) {
    let Recovered { entries, bytes, damages, checkpoint } = recovered;
    if *entries > 0 {
        tracing::info!(batches = entries, bytes, "the spool holds batches from before; they are written now");
    }
    if let Some(fault) = checkpoint {
        tracing::error!("{fault}");
    }
    for damage in damages {
        if damage.entries.is_empty() {
            tracing::warn!("spool: {damage}");
        } else {
            tracing::error!("spool: {damage}");
        }
    }
}

#[cfg(test)]
#[path = "spooling_tests.rs"]
mod tests;
