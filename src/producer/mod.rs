//! A small Kafka producer, for dead letters that are sent again, for the demo and for measurements: one connection,
//! batches that are encoded already, several requests in flight, `acks=all`. It does not retry: what became of each
//! batch is its caller's to know.

mod batch;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    ApiVersionsRequest, MetadataRequest, MetadataResponse, ProduceRequest, ProduceResponse, RequestHeader,
    ResponseHeader, TopicName,
};
use kafka_protocol::protocol::{
    Decodable, HeaderVersion, Request, StrBytes, encode_request_header_into_buffer,
};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::JoinHandle;

pub use batch::{OutgoingRecord, encode_batch, encode_records};

/// No reply that a producer gets is longer.
const LONGEST_REPLY_BYTES: usize = 16 << 20;

/// How long connecting and each of the first requests may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// What can happen to a batch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProduceError {
    /// There is no connection, or it ended before the reply.
    #[error("connection to {address}: {reason}")]
    Connection {
        /// Host and port.
        address: String,
        /// What happened.
        reason: String,
    },
    /// A message that cannot be encoded or decoded.
    #[error("Kafka protocol: {0}")]
    Protocol(String),
    /// The server speaks none of the versions that this producer does.
    #[error("the server speaks versions {server:?} of API {api_key}, and this producer {ours:?}")]
    Version {
        /// The number of the API.
        api_key: i16,
        /// The server's oldest and newest version.
        server: Option<(i16, i16)>,
        /// This producer's.
        ours: (i16, i16),
    },
    /// The server answered with an error code.
    #[error("{what}: error {code} ({name}){}", details(message, record_errors))]
    Refused {
        /// What was asked for.
        what: String,
        /// Kafka's error code.
        code: i16,
        /// Its name.
        name: String,
        /// The server's own words.
        message: Option<String>,
        /// The records that are to blame: index in the batch and reason.
        record_errors: Vec<(i32, String)>,
    },
}

fn details(message: &Option<String>, record_errors: &[(i32, String)]) -> String {
    let message = message.iter().map(|message| format!(": {message}"));
    let records = record_errors.iter().take(3).map(|(index, reason)| format!("; record {index}: {reason}"));
    let more = record_errors.len().checked_sub(4).map(|more| format!("; and {} more", more + 1));
    message.chain(records).chain(more).collect()
}

/// A batch that is on its way.
#[derive(Debug)]
pub struct PendingAck {
    reply: oneshot::Receiver<Reply>,
    version: i16,
    what: String,
    address: String,
}

/// A batch that the server has acknowledged.
#[derive(Clone, Copy, Debug)]
pub struct Ack {
    /// The offset of its first record.
    pub base_offset: i64,
    /// When the reply had come in, however late it is looked at.
    pub received: Instant,
}

#[derive(Debug)]
struct Reply {
    body: Bytes,
    received: Instant,
}

/// A request that is waited for; the permit is given back with the reply.
#[derive(Debug)]
struct Waiting {
    reply: oneshot::Sender<Reply>,
    _slot: Option<OwnedSemaphorePermit>,
}

/// By correlation id; nothing once the connection has ended.
type Waitings = Arc<Mutex<Option<HashMap<i32, Waiting>>>>;

/// One connection to a Kafka broker, or to the gateway.
#[derive(Debug)]
pub struct Producer {
    address: String,
    writer: OwnedWriteHalf,
    waiting: Waitings,
    reader: JoinHandle<()>,
    slots: Arc<Semaphore>,
    in_flight: usize,
    next_correlation_id: i32,
    metadata_version: i16,
    produce_version: i16,
}

impl Producer {
    /// Connects and agrees on versions. At most `in_flight` batches are unanswered at a time.
    ///
    /// # Errors
    /// When there is no connection, or the server is too old.
    pub async fn connect(address: &str, in_flight: usize) -> Result<Self, ProduceError> {
        let lost = |error: io::Error| ProduceError::Connection {
            address: address.to_owned(),
            reason: error.to_string(),
        };
        let connected = tokio::time::timeout(HANDSHAKE, TcpStream::connect(address)).await;
        let stream = connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(lost)?;
        stream.set_nodelay(true).map_err(lost)?;
        let (reader, writer) = stream.into_split();
        let waiting: Waitings = Arc::new(Mutex::new(Some(HashMap::new())));
        let mut producer = Self {
            address: address.to_owned(),
            writer,
            waiting: waiting.clone(),
            reader: tokio::spawn(read_replies(reader, waiting)),
            slots: Arc::new(Semaphore::new(in_flight)),
            in_flight,
            next_correlation_id: 0,
            metadata_version: 0,
            produce_version: 0,
        };
        producer.agree_on_versions().await?;
        Ok(producer)
    }

    /// How many partitions a topic has. Asking for it makes servers create it that create topics by themselves.
    ///
    /// # Errors
    /// When there is no answer, or the topic cannot be had.
    pub async fn partitions(&mut self, topic: &str) -> Result<i32, ProduceError> {
        let metadata = self.metadata(topic).await?;
        Ok(metadata.topics.first().map_or(0, |topic| topic.partitions.len() as i32))
    }

    /// The address, `HOST:PORT`, of the broker that leads each of a topic's partitions. Where there is one broker only,
    /// it is the one that is connected already. Asking creates topics, as in [`Producer::partitions`].
    ///
    /// # Errors
    /// When there is no answer, or the topic cannot be had.
    pub async fn leaders(&mut self, topic: &str) -> Result<BTreeMap<i32, String>, ProduceError> {
        let metadata = self.metadata(topic).await?;
        let address = |leader| {
            if metadata.brokers.len() == 1 {
                return Some(self.address.clone());
            }
            let broker = metadata.brokers.iter().find(|broker| broker.node_id == leader)?;
            let host = broker.host.as_str();
            let bracketed = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
            Some(format!("{bracketed}:{}", broker.port))
        };
        let partitions = metadata.topics.iter().flat_map(|topic| &topic.partitions);
        let leaders = partitions
            .filter_map(|partition| Some((partition.partition_index, address(partition.leader_id)?)));
        Ok(leaders.collect())
    }

    async fn metadata(&mut self, topic: &str) -> Result<MetadataResponse, ProduceError> {
        let mut patience = 20;
        loop {
            let name = Some(TopicName(StrBytes::from_string(topic.to_owned())));
            let request = MetadataRequest::default()
                .with_topics(Some(vec![MetadataRequestTopic::default().with_name(name)]))
                .with_allow_auto_topic_creation(true);
            let reply = self.ask(&request, self.metadata_version).await?;
            let code = reply.topics.first().map_or(3, |topic| topic.error_code);
            match code {
                0 => return Ok(reply),
                // A broker that has just created the topic says 3 or 5 until it leads the partitions.
                3 | 5 if patience > 0 => patience -= 1,
                _ => return Err(refused(format!("metadata of {topic}"), code, None, Vec::new())),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Sends one encoded batch, waiting while too many are in flight. The reply is waited for by
    /// [`PendingAck::wait`].
    ///
    /// # Errors
    /// When the connection is lost.
    pub async fn send(
        &mut self,
        topic: &str,
        partition: i32,
        batch: Bytes,
    ) -> Result<PendingAck, ProduceError> {
        let slot = self.slots.clone().acquire_owned().await.ok();
        let data = PartitionProduceData::default().with_index(partition).with_records(Some(batch));
        let topic_data = TopicProduceData::default()
            .with_name(TopicName(StrBytes::from_string(topic.to_owned())))
            .with_partition_data(vec![data]);
        let request =
            ProduceRequest::default().with_acks(-1).with_timeout_ms(30_000).with_topic_data(vec![topic_data]);
        let reply = self.write(&request, self.produce_version, slot).await?;
        let what = format!("{topic}-{partition}");
        Ok(PendingAck { reply, version: self.produce_version, what, address: self.address.clone() })
    }

    /// Waits until a batch can be sent without waiting.
    pub async fn ready(&self) {
        drop(self.slots.acquire().await);
    }

    /// Waits until no batch is in flight, for 30 s at most.
    pub async fn drain(self) {
        let all = u32::try_from(self.in_flight).unwrap_or(u32::MAX);
        let _ = tokio::time::timeout(Duration::from_secs(30), self.slots.acquire_many(all)).await;
    }

    async fn agree_on_versions(&mut self) -> Result<(), ProduceError> {
        let request = ApiVersionsRequest::default()
            .with_client_software_name(StrBytes::from_static_str("quafka-producer"))
            .with_client_software_version(StrBytes::from_static_str(env!("CARGO_PKG_VERSION")));
        let reply = self.ask(&request, 3).await?;
        if reply.error_code != 0 {
            return Err(refused("ApiVersions".to_owned(), reply.error_code, None, Vec::new()));
        }
        let newest = |api_key: i16, ours: (i16, i16)| {
            let server = reply.api_keys.iter().find(|api| api.api_key == api_key);
            let server = server.map(|api| (api.min_version, api.max_version));
            match server {
                Some((min, max)) if min <= ours.1 && max >= ours.0 => Ok(max.min(ours.1)),
                _ => Err(ProduceError::Version { api_key, server, ours }),
            }
        };
        // From Produce 13 on topics go by id.
        self.produce_version = newest(ProduceRequest::KEY, (9, 12))?;
        self.metadata_version = newest(MetadataRequest::KEY, (4, 9))?;
        Ok(())
    }

    async fn ask<R: Request>(&mut self, request: &R, version: i16) -> Result<R::Response, ProduceError> {
        let reply = self.write(request, version, None).await?;
        match tokio::time::timeout(HANDSHAKE, reply).await {
            Ok(Ok(reply)) => decode::<R::Response>(reply.body, version),
            Ok(Err(_)) => Err(self.lost("closed by the server")),
            Err(_) => Err(self.lost("no reply")),
        }
    }

    async fn write<R: Request>(
        &mut self,
        request: &R,
        version: i16,
        slot: Option<OwnedSemaphorePermit>,
    ) -> Result<oneshot::Receiver<Reply>, ProduceError> {
        let correlation_id = self.next_correlation_id;
        self.next_correlation_id = correlation_id.wrapping_add(1);
        let frame = encode(request, version, correlation_id)?;
        let (sender, receiver) = oneshot::channel();
        match self.waiting.lock().as_mut() {
            Some(waiting) => waiting.insert(correlation_id, Waiting { reply: sender, _slot: slot }),
            None => return Err(self.lost("closed by the server")),
        };
        self.writer.write_all(&frame).await.map_err(|error| self.lost(&error.to_string()))?;
        Ok(receiver)
    }

    fn lost(&self, reason: &str) -> ProduceError {
        ProduceError::Connection { address: self.address.clone(), reason: reason.to_owned() }
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        // Replies that are still waited for are answered with "closed".
        self.reader.abort();
        *self.waiting.lock() = None;
    }
}

impl PendingAck {
    /// Waits for the reply.
    ///
    /// # Errors
    /// When the connection was lost first, or the server did not take the batch.
    pub async fn wait(self) -> Result<Ack, ProduceError> {
        let closed =
            ProduceError::Connection { address: self.address, reason: "closed before the reply".to_owned() };
        let reply = self.reply.await.map_err(|_| closed)?;
        let body: ProduceResponse = decode(reply.body, self.version)?;
        let partition = body.responses.first().and_then(|topic| topic.partition_responses.first());
        let partition =
            partition.ok_or_else(|| ProduceError::Protocol("a reply without a partition".to_owned()))?;
        if partition.error_code != 0 {
            let reason = |message: &Option<StrBytes>| message.as_ref().map(|text| text.to_string());
            let record_errors = partition
                .record_errors
                .iter()
                .map(|record| {
                    (record.batch_index, reason(&record.batch_index_error_message).unwrap_or_default())
                })
                .collect();
            return Err(refused(
                self.what,
                partition.error_code,
                reason(&partition.error_message),
                record_errors,
            ));
        }
        Ok(Ack { base_offset: partition.base_offset, received: reply.received })
    }
}

fn encode<R: Request>(request: &R, version: i16, correlation_id: i32) -> Result<BytesMut, ProduceError> {
    let header = RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version)
        .with_correlation_id(correlation_id)
        .with_client_id(Some(StrBytes::from_static_str("quafka-producer")));
    let mut frame = BytesMut::with_capacity(64 + request.compute_size(version).map_err(protocol)?);
    frame.put_i32(0);
    encode_request_header_into_buffer(&mut frame, &header).map_err(protocol)?;
    request.encode(&mut frame, version).map_err(protocol)?;
    let length = i32::try_from(frame.len() - 4).map_err(protocol)?;
    frame[..4].copy_from_slice(&length.to_be_bytes());
    Ok(frame)
}

fn decode<R: Decodable + HeaderVersion>(mut reply: Bytes, version: i16) -> Result<R, ProduceError> {
    ResponseHeader::decode(&mut reply, R::header_version(version)).map_err(protocol)?;
    R::decode(&mut reply, version).map_err(protocol)
}

/// Hands each reply to who waits for it. When the connection ends, so do all that are still waiting.
async fn read_replies(mut reader: OwnedReadHalf, waiting: Waitings) {
    let mut buffer = BytesMut::with_capacity(64 << 10);
    'connection: while let Ok(1..) = reader.read_buf(&mut buffer).await {
        let received = Instant::now();
        while let Some(length) = buffer.first_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes) as usize) {
            if !(4..=LONGEST_REPLY_BYTES).contains(&length) {
                break 'connection;
            }
            if buffer.len() < 4 + length {
                break;
            }
            buffer.advance(4);
            let body = buffer.split_to(length).freeze();
            let correlation_id = body.first_chunk::<4>().map_or(-1, |bytes| i32::from_be_bytes(*bytes));
            let asked = waiting.lock().as_mut().and_then(|waiting| waiting.remove(&correlation_id));
            let Some(asked) = asked else { break 'connection };
            // Whoever asked may have lost interest.
            let _ = asked.reply.send(Reply { body, received });
        }
    }
    *waiting.lock() = None;
}

fn refused(
    what: String,
    code: i16,
    message: Option<String>,
    record_errors: Vec<(i32, String)>,
) -> ProduceError {
    let name =
        ResponseError::try_from_code(code).map_or_else(|| "none".to_owned(), |error| format!("{error:?}"));
    ProduceError::Refused { what, code, name, message, record_errors }
}

fn protocol(error: impl ToString) -> ProduceError {
    ProduceError::Protocol(error.to_string())
}

#[cfg(test)]
mod tests;
