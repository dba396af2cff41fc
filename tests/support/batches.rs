use bytes::{Bytes, BytesMut};
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{ProduceRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{Compression, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType};

/// A record batch under construction.
#[derive(Clone)]
pub struct Batch {
    pub producer_id: i64,
    pub epoch: i16,
    pub sequence: i32,
    pub timestamp_ms: i64,
    pub records: Vec<(Option<Bytes>, Option<Bytes>)>,
}

impl Batch {
    /// A batch of a producer without idempotence: records with these values and no key.
    pub fn of(values: impl IntoIterator<Item = impl Into<Bytes>>) -> Self {
        let records = values.into_iter().map(|value| (None, Some(value.into()))).collect();
        Self { producer_id: -1, epoch: -1, sequence: -1, timestamp_ms: 1_700_000_000_000, records }
    }

    /// The same from an idempotent producer.
    #[allow(clippy::wrong_self_convention, reason = "it reads as the sentence that it is")]
    pub fn from_producer(mut self, producer_id: i64, epoch: i16, sequence: i32) -> Self {
        (self.producer_id, self.epoch, self.sequence) = (producer_id, epoch, sequence);
        self
    }

    /// As it goes over the wire, uncompressed.
    pub fn encode(&self) -> Bytes {
        let records: Vec<Record> =
            (0..).zip(&self.records).map(|(index, record)| self.record(index, record)).collect();
        let mut encoded = BytesMut::new();
        let options = RecordEncodeOptions { version: 2, compression: Compression::None };
        RecordBatchEncoder::encode(&mut encoded, &records, &options).unwrap();
        encoded.freeze()
    }

    fn record(&self, index: i64, (key, value): &(Option<Bytes>, Option<Bytes>)) -> Record {
        Record {
            transactional: false,
            control: false,
            delete_horizon: false,
            partition_leader_epoch: -1,
            producer_id: self.producer_id,
            producer_epoch: self.epoch,
            timestamp_type: TimestampType::Creation,
            offset: index,
            // Also where there are none: the encoder begins a new batch where they are not consecutive.
            sequence: self.sequence.wrapping_add(index as i32),
            timestamp: self.timestamp_ms,
            key: key.clone(),
            value: value.clone(),
            headers: IndexMap::new(),
        }
    }
}

/// A Produce request with one batch, acks=all, and a client's usual patience.
pub fn produce(topic: &str, partition: i32, records: Bytes) -> ProduceRequest {
    produce_all(-1, [(topic, partition, records)])
}

/// A Produce request with several batches.
pub fn produce_all<'a>(
    acks: i16,
    batches: impl IntoIterator<Item = (&'a str, i32, Bytes)>,
) -> ProduceRequest {
    let topics = batches.into_iter().map(|(topic, partition, records)| {
        let partition = PartitionProduceData::default().with_index(partition).with_records(Some(records));
        TopicProduceData::default()
            .with_name(TopicName(StrBytes::from_string(topic.to_owned())))
            .with_partition_data(vec![partition])
    });
    ProduceRequest::default().with_acks(acks).with_timeout_ms(30_000).with_topic_data(topics.collect())
}
