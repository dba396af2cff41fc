//! JoinGroup (11), versions 0-9.
//!
//! Advertised only to refuse it: some clients look at the list of APIs first and would otherwise report a missing
//! feature instead of the reason. Every group gets 30, final.

use kafka_protocol::messages::JoinGroupResponse;
use quafka_protocol::ErrorCode;
use quafka_protocol::requests::JoinGroupRequest;

use super::Call;
use super::reply::text;

pub(super) fn answer(call: Call<'_>, request: &JoinGroupRequest<'_>) -> JoinGroupResponse {
    let response = JoinGroupResponse::default()
        .with_error_code(ErrorCode::GroupAuthorizationFailed.code())
        .with_generation_id(-1)
        .with_member_id(text(request.member_id));
    // Nullable only from version 7 on.
    if call.version < 7 {
        response.with_protocol_name(Some(text("")))
    } else {
        response.with_protocol_name(None)
    }
}
