//! What a batch is known by over a crash of the gateway: the sink keeps it with the request that carries the batch.

use std::collections::HashSet;
use std::sync::Arc;

use quafka_protocol::BatchHeader;
use serde::{Deserialize, Serialize};

use super::batch::Placement;
use super::spooling::Place;
use crate::spool::EntryHead;
use crate::topics::{Committed, History, Sequence, last_of};

#[derive(Serialize, Deserialize)]
struct Label {
    topic: String,
    partition: i32,
    offset: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sequence: Option<(i64, i16, i32, i32)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spooled: Option<u64>,
}

/// Batches that lives of the gateway before this one have written, as QuestDB itself tells.
#[derive(Debug, Default)]
pub struct Written {
    batches: Vec<(Place, Committed)>,
    /// Entries of the spool. The number alone would begin anew with a new spool.
    spooled: HashSet<(u64, Place, i64)>,
}

/// The label of an idempotent producer's batch, whose offsets are reserved.
pub(super) fn of_batch(topic: &str, placement: Placement, header: &BatchHeader) -> Option<String> {
    (header.producer_id >= 0).then(|| {
        let last = last_of(header.base_sequence, header.record_count);
        let sequence = (header.producer_id, header.producer_epoch, header.base_sequence, last);
        let Placement { partition, base_offset: offset, .. } = placement;
        write(&Label { topic: topic.to_owned(), partition, offset, sequence: Some(sequence), spooled: None })
    })
}

/// The label of a batch that is in the spool. Its producer has been answered.
pub(super) fn of_entry(head: &EntryHead) -> String {
    let EntryHead { number, topic, partition, base_offset, .. } = head;
    let (topic, partition, offset) = (topic.clone(), *partition, *base_offset);
    write(&Label { topic, partition, offset, sequence: None, spooled: Some(*number) })
}

fn write(label: &Label) -> String {
    // Names and numbers always serialize.
    serde_json::to_string(label).unwrap_or_default()
}

impl Written {
    /// From the labels of blocks that were written.
    pub fn read(labels: &[String]) -> Self {
        let mut written = Self::default();
        for label in labels {
            let Ok(label) = serde_json::from_str::<Label>(label) else { continue };
            let Label { topic, partition, offset, sequence, spooled } = label;
            let place: Place = (Arc::from(topic), partition);
            if let Some(number) = spooled {
                written.spooled.insert((number, place.clone(), offset));
            }
            if let Some((producer_id, epoch, first, last)) = sequence {
                let sequence = Sequence { producer_id, epoch, first, last };
                written.batches.push((place, Committed { sequence, base_offset: offset }));
            }
        }
        written
    }

    /// Adds the batches that their producers may send again.
    pub fn add_to(&self, history: &mut History) {
        for (place, batch) in &self.batches {
            history.adopt(place, *batch);
        }
    }

    /// Whether an entry of the spool is among them.
    pub(super) fn has(&self, head: &EntryHead, place: &Place) -> bool {
        self.spooled.contains(&(head.number, place.clone(), head.base_offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_as_they_were_written() {
        let mut head = EntryHead {
            number: 7,
            arrival_ms: 1,
            base_offset: 100,
            topic: "trades".to_owned(),
            partition: 3,
        };
        let written = Written::read(&[of_entry(&head), "not a label".to_owned()]);
        let place = (Arc::from("trades"), 3);
        assert!(written.has(&head, &place));
        assert!(written.batches.is_empty());
        // Another spool, whose numbers have begun anew.
        head.base_offset = 200;
        assert!(!written.has(&head, &place));
    }
}
