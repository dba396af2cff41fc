//! FindCoordinator (10), versions 0-6.
//!
//! There are no consumer groups and no transactions, and a client must hear that once instead of asking again:
//!
//! 1. A group (key type 0) gets 30 up to version 3, which is as high as those clients go that show the message. From
//!    version 4 on clients show the code alone, and the message of a later response at best: they get this node, which
//!    tells admin tools that there is no such group and refuses consumers with the reason.
//! 2. A transactional id (1) gets 53, a share group (2) 30, each with a message that says what this endpoint is for.
//!    Another key type gets 42.
//! 3. From version 4 on there are several keys, each with its own answer (KIP-699).

use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::{BrokerId, FindCoordinatorResponse};
use quafka_protocol::ErrorCode;
use quafka_protocol::requests::FindCoordinatorRequest;

use super::Call;
use super::gateway::NODE_ID;
use super::reply::text;

const GROUP: i8 = 0;

pub(super) const NO_GROUPS: &str = "this is a quafka gateway: it takes records in and writes them to QuestDB; there are no consumer groups, read the tables with SQL";
pub(super) const NO_TRANSACTIONS: &str =
    "this is a quafka gateway: it does not speak transactions; remove transactional.id (idempotence works)";

pub(super) fn answer(call: Call<'_>, request: &FindCoordinatorRequest<'_>) -> FindCoordinatorResponse {
    let (error, message) = match request.key_type {
        GROUP | 2 => (ErrorCode::GroupAuthorizationFailed, NO_GROUPS),
        1 => (ErrorCode::TransactionalIdAuthorizationFailed, NO_TRANSACTIONS),
        _ => (ErrorCode::InvalidRequest, "unknown key type"),
    };
    if call.version < 4 {
        return FindCoordinatorResponse::default()
            .with_error_code(error.code())
            .with_error_message(Some(text(message)))
            .with_node_id(BrokerId(-1))
            .with_port(-1);
    }
    let address = call.gateway.address_for(call.connection);
    let coordinator = |key: &&str| {
        let coordinator = Coordinator::default().with_key(text(*key));
        if request.key_type == GROUP {
            return coordinator
                .with_node_id(BrokerId(NODE_ID))
                .with_host(text(address.host.as_str()))
                .with_port(i32::from(address.port))
                .with_error_message(None);
        }
        coordinator
            .with_node_id(BrokerId(-1))
            .with_port(-1)
            .with_error_code(error.code())
            .with_error_message(Some(text(message)))
    };
    FindCoordinatorResponse::default().with_coordinators(request.keys.iter().map(coordinator).collect())
}
