use bytes::BytesMut;
use kafka_protocol::records::{Compression, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType};

use super::*;
use crate::spool::OnDisk;

fn sequence(first: i32) -> Sequence {
    Sequence { producer_id: 7, epoch: 0, first, last: first }
}

/// A batch of one record.
fn batch(sequence: i32) -> Bytes {
    let record = Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: -1,
        producer_id: 7,
        producer_epoch: 0,
        timestamp_type: TimestampType::Creation,
        offset: 0,
        sequence,
        timestamp: 0,
        key: None,
        value: Some(Bytes::from_static(b"{}")),
        headers: Default::default(),
    };
    let mut encoded = BytesMut::new();
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    RecordBatchEncoder::encode(&mut encoded, &[record], &options).unwrap();
    encoded.freeze()
}

#[tokio::test]
async fn what_was_written_past_a_spool_whose_disk_failed_is_not_written_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let open = |history: &mut History| {
        let config = SpoolConfig { segment_bytes: 4_096, ..SpoolConfig::default() };
        let folder = Arc::new(OnDisk::take(folder.path()).unwrap());
        let (metrics, written) = (SpoolMetrics::default(), Written::default());
        Spooling::open(folder, Durability::Overflow, &config, metrics, history, &written).unwrap()
    };
    let place: Place = ("t".into(), 0);
    let spooling = Arc::new(open(&mut History::default()));
    for (first, base_offset) in [(0, 100), (1, 101)] {
        let claim = spooling.claim(place.clone());
        let placement = Placement { partition: 0, base_offset, arrival_ms: 0 };
        claim.append(placement, batch(first), None).stored().await.unwrap();
        claim.keep();
    }
    drop(spooling);
    // The first one was acknowledged when it was in the spool; the second one was not, and was sent again.
    let mut history = History::default();
    history.adopt(&place, Committed { sequence: sequence(0), base_offset: 100 });
    history.adopt(&place, Committed { sequence: sequence(1), base_offset: 105 });
    let spooling = open(&mut history);
    assert_eq!(spooling.batches(), 1);
    assert!(history.adopt(&place, Committed { sequence: sequence(1), base_offset: 105 }));
}
