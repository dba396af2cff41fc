//! SaslHandshake (17), versions 0-1.
//!
//! Advertised only to refuse it: 34 and no mechanisms, as a broker's plaintext listener does. A client reports that as
//! an authentication that failed and does not try again at once. As there is no room for a message, the log has it.

use kafka_protocol::messages::SaslHandshakeResponse;
use quafka_protocol::ErrorCode;
use quafka_protocol::requests::SaslHandshakeRequest;

use super::Call;

pub(super) fn answer(call: Call<'_>, request: &SaslHandshakeRequest<'_>) -> SaslHandshakeResponse {
    if let Some(suppressed) = call.gateway.strangers.let_through() {
        tracing::warn!(
            peer = %call.connection.peer,
            mechanism = request.mechanism,
            suppressed,
            "refused a client that wants to authenticate: this listener has no SASL; set security.protocol=PLAINTEXT"
        );
    }
    SaslHandshakeResponse::default().with_error_code(ErrorCode::IllegalSaslState.code())
}
