//! Batches as a Produce request, and its response as the proxy's.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::StatusCode;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::produce_response::PartitionProduceResponse;
use kafka_protocol::messages::{ProduceRequest, ProduceResponse, RequestHeader, ResponseHeader, TopicName};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};
use kafka_protocol::records::{self, Compression, RecordBatchEncoder, RecordEncodeOptions, TimestampType};
use quafka_protocol::{ApiKey, ErrorCode};
use serde_json::{Map, Value, json};

use super::reply::{Fault, ok};
use super::request::Batch;
use crate::api::{self, Answer, Connection, Frame, Gateway, Reply, TopicError};

/// With record errors and messages; all that the gateway takes.
const VERSION: i16 = *ApiKey::Produce.versions().end();

/// As long as Kafka's own producers wait.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How many partitions the topic has.
pub(super) fn partitions(gateway: &Gateway, topic: &str) -> Result<i32, Fault> {
    match gateway.topics.describe(topic) {
        Ok(topic) => Ok(topic.partitions().len() as i32),
        Err(error) => {
            let code = if error == TopicError::Unknown { 40401 } else { 40002 };
            Err(Fault { code, message: format!("topic {topic}: {error}") })
        }
    }
}

/// A Produce request that is ready to be handed over.
pub(super) struct Produce {
    frame: Frame,
    /// Each batch's partition, and the places of its records in the HTTP request.
    places: Vec<(i32, Vec<usize>)>,
}

impl Produce {
    pub(super) fn new(gateway: &Gateway, topic: &str, batches: Vec<Batch>) -> Result<Self, Fault> {
        let internal = |error| Fault { code: 50002, message: format!("cannot encode the records: {error}") };
        let mut places = Vec::with_capacity(batches.len());
        let mut partitions = Vec::with_capacity(batches.len());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as i64;
        for Batch { partition, places: in_request, records } in batches {
            let records: Vec<_> =
                (0..).zip(records).map(|(index, record)| kafka_record(index, record, now)).collect();
            let mut encoded = BytesMut::new();
            let options = RecordEncodeOptions { version: 2, compression: Compression::None };
            RecordBatchEncoder::encode(&mut encoded, &records, &options).map_err(internal)?;
            let data =
                PartitionProduceData::default().with_index(partition).with_records(Some(encoded.freeze()));
            partitions.push(data);
            places.push((partition, in_request));
        }
        let topic = TopicProduceData::default()
            .with_name(TopicName(StrBytes::from_string(topic.to_owned())))
            .with_partition_data(partitions);
        let request = ProduceRequest::default()
            .with_acks(-1)
            .with_timeout_ms(TIMEOUT.as_millis() as i32)
            .with_topic_data(vec![topic]);
        let header = RequestHeader::default()
            .with_request_api_key(ProduceRequest::KEY)
            .with_request_api_version(VERSION)
            .with_client_id(Some(StrBytes::from_static_str("pandaproxy")));
        let mut bytes = BytesMut::new();
        header
            .encode(&mut bytes, ProduceRequest::header_version(VERSION))
            .and_then(|()| request.encode(&mut bytes, VERSION))
            .map_err(internal)?;
        let mut charge = gateway.memory.frame();
        charge.arrived(bytes.len());
        charge.complete(0);
        Ok(Self { frame: Frame { bytes: bytes.freeze(), charge }, places })
    }

    /// Hands the request over and waits for what becomes of it.
    pub(super) async fn run(
        self,
        gateway: &std::sync::Arc<Gateway>,
        connection: Connection,
    ) -> Result<Response, Fault> {
        let internal = |message: String| Fault { code: 50002, message };
        let reply = api::handle(gateway, &connection, self.frame).await;
        let answer = match reply.map_err(|refusal| internal(refusal.to_string()))? {
            Reply::Now(answer) => answer,
            Reply::Later(answer) => answer.await,
        };
        let bytes = match answer {
            Answer::Send(bytes) => bytes,
            Answer::Close(reason) => return Err(internal(reason)),
            Answer::Nothing => return Err(internal("no answer to acks=all".to_owned())),
        };
        let response = decode(bytes).map_err(|error| internal(format!("cannot read the answer: {error}")))?;
        let results = response.responses.into_iter().flat_map(|topic| topic.partition_responses);
        Ok(render(&self.places, results.collect()))
    }
}

fn kafka_record(index: i64, record: super::request::Record, timestamp: i64) -> records::Record {
    records::Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: -1,
        producer_id: -1,
        producer_epoch: -1,
        timestamp_type: TimestampType::Creation,
        offset: index,
        // There are none, but the encoder begins a new batch where they are not consecutive.
        sequence: (index as i32).wrapping_sub(1),
        timestamp,
        key: record.key,
        value: record.value,
        headers: IndexMap::new(),
    }
}

/// A frame has its length in front.
fn decode(mut frame: Bytes) -> Result<ProduceResponse, String> {
    if frame.len() < 4 {
        return Err("it is cut".to_owned());
    }
    let _length = frame.split_to(4);
    ResponseHeader::decode(&mut frame, ProduceResponse::header_version(VERSION))
        .and_then(|_| ProduceResponse::decode(&mut frame, VERSION))
        .map_err(|error| error.to_string())
}

/// One entry a record, in the order of the HTTP request. Where not one was written the status says so, too: not every
/// client looks further.
fn render(places: &[(i32, Vec<usize>)], results: Vec<PartitionProduceResponse>) -> Response {
    let count = places.iter().map(|(_, places)| places.len()).sum();
    let mut offsets = vec![Value::Null; count];
    let mut errors: Vec<(i16, String)> = Vec::new();
    for ((partition, places), result) in places.iter().zip(&results) {
        let message = result.error_message.as_ref().map(ToString::to_string).unwrap_or_default();
        if result.error_code != ErrorCode::None.code() {
            errors.push((result.error_code, message.clone()));
        }
        for (index, place) in (0..).zip(places) {
            let mut entry = Map::new();
            entry.insert("partition".to_owned(), json!(partition));
            if result.error_code == ErrorCode::None.code() {
                entry.insert("offset".to_owned(), json!(result.base_offset + index));
            } else {
                let own = result.record_errors.iter().find(|error| i64::from(error.batch_index) == index);
                let own = own.and_then(|error| error.batch_index_error_message.as_ref());
                entry.insert("offset".to_owned(), json!(-1));
                entry.insert("error_code".to_owned(), json!(result.error_code));
                entry.insert("error".to_owned(), own.map_or(json!(message), |own| json!(own.to_string())));
            }
            if let Some(slot) = offsets.get_mut(*place) {
                *slot = Value::Object(entry);
            }
        }
    }
    let all_failed = errors.len() == results.len();
    match errors.into_iter().next() {
        Some((error, message)) if all_failed => {
            let retriable = [ErrorCode::NotEnoughReplicas, ErrorCode::RequestTimedOut]
                .map(ErrorCode::code)
                .contains(&error);
            let fault = Fault { code: if retriable { 50003 } else { 40002 }, message };
            let body = json!({ "error_code": fault.code, "message": fault.message, "offsets": offsets });
            ok(fault.status(), &body)
        }
        _ => ok(StatusCode::OK, &json!({ "offsets": offsets })),
    }
}
