//! One file per Kafka API: request in, response out. The only place that picks an error code.

mod acls;
mod alter_configs;
mod api_versions;
mod by_hand;
mod create_partitions;
mod create_topics;
mod delete_topics;
mod describe_cluster;
mod describe_configs;
mod describe_log_dirs;
mod errors;
mod fetch;
mod find_coordinator;
mod gateway;
mod groups;
mod init_producer_id;
mod join_group;
mod list_offsets;
mod metadata;
mod produce;
mod reply;
mod sasl_handshake;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use quafka_protocol::{ApiKey, DecodeError, Reader, Request, RequestHeader};

use crate::memory::FrameCharge;

pub use crate::topics::TopicError;
pub use gateway::{Gateway, NODE_ID};
pub use produce::{SpoolMetrics, Spooling, Unfinished, Written, drain};
pub use reply::{Answer, Reply};

/// A request as it came off the socket, without its length prefix.
#[derive(Debug)]
pub struct Frame {
    /// Header and body.
    pub bytes: Bytes,
    /// Its share of the memory budget.
    pub charge: FrameCharge,
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Connection {
    /// The client's address.
    pub peer: SocketAddr,
    /// The address at which it reached this gateway.
    pub local: SocketAddr,
    /// Who the client is, to the gateway.
    pub principal: Principal,
}

/// An authenticated identity. There is no authentication yet, so there is but one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Principal {
    /// Kafka's `User:ANONYMOUS`.
    Anonymous,
}

/// A request that cannot be answered in its own protocol: the connection ends.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The header or the body is not what its version says.
    #[error("{what} request: {error}")]
    Malformed {
        /// The API and version, as far as known.
        what: String,
        /// What is wrong, and where.
        error: DecodeError,
    },
    /// An API that was never advertised.
    #[error("{} request (API key {api_key}) of version {version}; this gateway does not speak that API, it takes records in and does nothing else", api_name(*.api_key))]
    UnknownApi {
        /// As it was sent.
        api_key: i16,
        /// As it was sent.
        version: i16,
    },
    /// A version that was never advertised.
    #[error("{api} request of version {version}; this gateway speaks {} to {}", .api.versions().start(), .api.versions().end())]
    UnsupportedVersion {
        /// The API.
        api: ApiKey,
        /// The version asked for.
        version: i16,
    },
    /// The response could not be encoded: a fault of the gateway's own.
    #[error("cannot encode the {api} response of version {version}: {reason}")]
    Encoding {
        /// The API.
        api: ApiKey,
        /// The version.
        version: i16,
        /// What the encoder said.
        reason: String,
    },
}

/// The name of an API that is not implemented, where Kafka has it.
fn api_name(api_key: i16) -> String {
    kafka_protocol::messages::ApiKey::try_from(api_key)
        .map_or("unknown".to_owned(), |api| format!("{api:?}").trim_end_matches("Key").to_owned())
}

/// What a handler knows besides its request.
#[derive(Clone, Copy)]
struct Call<'a> {
    gateway: &'a Arc<Gateway>,
    connection: &'a Connection,
    api: ApiKey,
    version: i16,
    correlation_id: i32,
}

/// Takes one request. What comes back may still wait for QuestDB; requests are taken in the order in which they
/// came, and answered in that order too.
pub async fn handle(gateway: &Arc<Gateway>, connection: &Connection, frame: Frame) -> Result<Reply, Refusal> {
    let (api, version, correlation_id) = {
        let mut reader = Reader::new(&frame.bytes);
        let header = RequestHeader::decode(&mut reader)
            .map_err(|error| Refusal::Malformed { what: "unreadable".to_owned(), error })?;
        let Some(api) = ApiKey::from_i16(header.api_key) else {
            return Err(Refusal::UnknownApi { api_key: header.api_key, version: header.api_version });
        };
        tracing::trace!(peer = %connection.peer, %api, version = header.api_version, client = header.client_id);
        (api, header.api_version, header.correlation_id)
    };
    gateway.metrics.requests(api);
    let call = Call { gateway, connection, api, version, correlation_id };
    if !api.supports(version) {
        return match api {
            ApiKey::ApiVersions => api_versions::unsupported(call),
            ApiKey::Produce if (0..3).contains(&version) => produce::too_old(call, &frame.bytes),
            _ => Err(Refusal::UnsupportedVersion { api, version }),
        };
    }
    if api == ApiKey::Produce {
        return produce::handle(call, frame).await;
    }
    let mut reader = Reader::new(&frame.bytes);
    let malformed = |error| Refusal::Malformed { what: format!("{api} v{version}"), error };
    RequestHeader::decode(&mut reader).map_err(malformed)?;
    match Request::decode(api, &mut reader, version).map_err(malformed)? {
        Request::AlterConfigs(request) => call.reply(&alter_configs::answer(&request)),
        Request::ApiVersions(request) => call.reply(&api_versions::answer(call, &request)),
        Request::ConsumerGroupHeartbeat(request) => call.reply(&groups::heartbeat(&request)),
        Request::CreateAcls(request) => call.reply(&acls::create(&request)),
        Request::CreatePartitions(request) => call.reply(&create_partitions::answer(call, &request)),
        Request::CreateTopics(request) => create_topics::handle(call, &request),
        Request::DeleteAcls(request) => call.reply(&acls::delete(&request)),
        Request::DeleteTopics(request) => delete_topics::handle(call, &request),
        Request::DescribeAcls(_) => call.reply(&acls::describe()),
        Request::DescribeCluster(request) => call.reply(&describe_cluster::answer(call, &request)),
        Request::DescribeConfigs(request) => describe_configs::handle(call, &request),
        Request::DescribeGroups(request) => call.reply(&groups::describe(call, &request)),
        Request::DescribeLogDirs(request) => call.reply(&describe_log_dirs::answer(call, &request)),
        Request::Fetch(request) => fetch::handle(call, &request),
        Request::FindCoordinator(request) => call.reply(&find_coordinator::answer(call, &request)),
        Request::IncrementalAlterConfigs(request) => {
            call.reply(&alter_configs::incremental(call, &request).await)
        }
        Request::InitProducerId(request) => call.reply(&init_producer_id::answer(call, &request)),
        Request::JoinGroup(request) => call.reply(&join_group::answer(call, &request)),
        Request::ListGroups(_) => call.reply(&groups::list()),
        Request::ListOffsets(request) => call.reply(&list_offsets::answer(call, &request)),
        Request::ListTransactions(_) => call.reply(&groups::list_transactions()),
        Request::Metadata(request) => call.reply(&metadata::answer(call, &request)),
        Request::OffsetFetch(request) => call.reply(&groups::fetch_offsets(call, &request)),
        Request::SaslHandshake(request) => call.reply(&sasl_handshake::answer(call, &request)),
        Request::Produce(_) => unreachable!("handled above"),
    }
}
