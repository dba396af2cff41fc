//! Requests and responses in Kafka's bytes.

use bytes::{Buf, Bytes, BytesMut};
use kafka_protocol::messages::{
    InitProducerIdRequest, InitProducerIdResponse, ProduceResponse, ResponseHeader,
};
use kafka_protocol::protocol::{Decodable, HeaderVersion};

use super::book::{Book, Place};
use crate::setup::Setup;
use crate::support::batches::{Batch, produce_all};
use crate::support::frame;
use crate::world::World;

const INIT_PRODUCER_ID: i16 = 4;
/// 2023-11-14: all records have times near it.
const TIME_MS: i64 = 1_700_000_000_000;

pub fn init_producer_id(correlation_id: i32) -> BytesMut {
    let request = InitProducerIdRequest::default().with_transactional_id(None);
    frame(&request, INIT_PRODUCER_ID, correlation_id)
}

pub fn produce(book: &mut Book, places: &[Place], correlation_id: i32, world: &World) -> BytesMut {
    let (version, acks, timeout_ms) = (book.setup.version, book.setup.acks, book.setup.timeout_ms);
    let mut names = Vec::new();
    let batches: Vec<(String, i32, Bytes)> = places
        .iter()
        .map(|&place| {
            let sequence = book.send(place, world.bug);
            let line = &book.lines[place.0];
            let batch = &line.batches[place.1];
            names.push(format!("{}/{}", batch.name(line.topic), line.partition));
            let values = (batch.first..batch.first + batch.rows).map(|row| {
                let (who, part) = (book.number, line.partition);
                if batch.broken.contains(&row) {
                    return format!("broken {who} {part} {row}");
                }
                let limit = if batch.refused_by_questdb.contains(&row) { r#","limit":1"# } else { "" };
                let value = value_of(row);
                format!(r#"{{"who":{who},"part":{part},"seq":{row},"v":{value}{limit}}}"#)
            });
            let mut records = Batch::of(values);
            records.timestamp_ms = TIME_MS + batch.first % 3;
            if let (true, Some((id, epoch))) = (book.is_idempotent(), book.id) {
                records = records.from_producer(id, epoch, sequence);
            }
            (Setup::topic(line.topic), line.partition, records.encode())
        })
        .collect();
    world.note(format!("producer {}: sends {}", book.number, names.join(", ")));
    let batches =
        batches.iter().map(|(topic, partition, records)| (topic.as_str(), *partition, records.clone()));
    let request = produce_all(acks, batches).with_timeout_ms(timeout_ms);
    frame(&request, version, correlation_id)
}

/// By which a wrong row is found.
pub fn value_of(row: i64) -> i64 {
    row * 31 + 7
}

/// The id and epoch. Err: what is wrong with the response.
pub fn read_producer_id(mut body: Bytes) -> Result<(i64, i16), String> {
    let version = InitProducerIdResponse::header_version(INIT_PRODUCER_ID);
    ResponseHeader::decode(&mut body, version).map_err(|error| error.to_string())?;
    let response =
        InitProducerIdResponse::decode(&mut body, INIT_PRODUCER_ID).map_err(|error| error.to_string())?;
    match response.error_code {
        0 => Ok((response.producer_id.0, response.producer_epoch)),
        error => Err(format!("no producer id: error {error}")),
    }
}

/// The topic, partition, error and base offset of each batch. Err: what is wrong with the response.
pub fn read_produced(
    mut body: Bytes,
    version: i16,
    correlation_id: i32,
) -> Result<Vec<(String, i32, i16, i64)>, String> {
    let header = ResponseHeader::decode(&mut body, ProduceResponse::header_version(version))
        .map_err(|error| error.to_string())?;
    if header.correlation_id != correlation_id {
        return Err(format!("response {} where {correlation_id} was due", header.correlation_id));
    }
    let response = ProduceResponse::decode(&mut body, version).map_err(|error| error.to_string())?;
    if body.has_remaining() {
        return Err(format!("{} bytes behind the response", body.remaining()));
    }
    let batches = response.responses.into_iter().flat_map(|topic| {
        let name = topic.name.0.to_string();
        topic.partition_responses.into_iter().map(move |partition| {
            (name.clone(), partition.index, partition.error_code, partition.base_offset)
        })
    });
    Ok(batches.collect())
}
