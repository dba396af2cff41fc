//! DescribeCluster (60), versions 0-2 (KIP-700, KIP-919, KIP-1073).
//!
//! 1. Endpoint type 1 (brokers) is answered with the one node; another gets 115.

use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::{BrokerId, DescribeClusterResponse};
use quafka_protocol::ErrorCode;
use quafka_protocol::requests::DescribeClusterRequest;

use super::Call;
use super::gateway::{Gateway, NODE_ID};
use super::reply::text;

const BROKERS: i8 = 1;

pub(super) fn answer(call: Call<'_>, request: &DescribeClusterRequest) -> DescribeClusterResponse {
    let response = DescribeClusterResponse::default().with_cluster_id(text(Gateway::CLUSTER_ID));
    if call.version >= 1 && request.endpoint_type != BROKERS {
        return response
            .with_error_code(ErrorCode::UnsupportedEndpointType.code())
            .with_error_message(Some(text("there are only brokers here (endpoint type 1)")))
            .with_endpoint_type(request.endpoint_type);
    }
    let address = call.gateway.address_for(call.connection);
    let broker = DescribeClusterBroker::default()
        .with_broker_id(BrokerId(NODE_ID))
        .with_host(text(address.host))
        .with_port(i32::from(address.port));
    response.with_controller_id(BrokerId(NODE_ID)).with_brokers(vec![broker])
}
