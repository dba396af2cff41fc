//! InitProducerId (22), versions 0-5.
//!
//! 1. A transactional id gets 53: transactions are not spoken, and the client must not try again.
//! 2. Any transaction timeout is fine, as it means nothing without transactions.
//! 3. From version 3 on a producer may name the id that it has (KIP-360); it gets a new one, which is as good.

use kafka_protocol::messages::{InitProducerIdResponse, ProducerId};
use quafka_protocol::ErrorCode;
use quafka_protocol::requests::InitProducerIdRequest;

use super::Call;

pub(super) fn answer(call: Call<'_>, request: &InitProducerIdRequest<'_>) -> InitProducerIdResponse {
    let refused = |error: ErrorCode| {
        InitProducerIdResponse::default()
            .with_error_code(error.code())
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1)
    };
    if let Some(id) = request.transactional_id {
        tracing::warn!(peer = %call.connection.peer, transactional_id = id,
            "refused a transactional producer: this gateway does not speak transactions; remove transactional.id");
        return refused(ErrorCode::TransactionalIdAuthorizationFailed);
    }
    match call.gateway.numbers.producer_id() {
        Ok(id) => InitProducerIdResponse::default().with_producer_id(ProducerId(id)).with_producer_epoch(0),
        Err(error) => {
            tracing::error!(%error, "cannot reserve producer ids in the data dir");
            // Retriable, and the one that clients know for "the server is not ready for this yet".
            refused(ErrorCode::CoordinatorNotAvailable)
        }
    }
}
