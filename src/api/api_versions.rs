//! ApiVersions (18), versions 0-4.
//!
//! What is advertised is what is implemented, with one exception: Produce from 0, although 0-2 are answered with
//! error 35, because librdkafka judges a broker's message format by that minimum.
//!
//! 1. A version above 4 gets error 35 in a body of version 0, so that any client can read it (KIP-511).
//! 2. From version 3 on, a client's name and version must be there and of letters, digits, `-` and `.`: error 42.

use kafka_protocol::messages::ApiVersionsResponse;
use kafka_protocol::messages::api_versions_response::ApiVersion;
use quafka_protocol::requests::ApiVersionsRequest;
use quafka_protocol::{ApiKey, ErrorCode};

use super::{Answer, Call, Refusal, Reply};

pub(super) fn answer(call: Call<'_>, request: &ApiVersionsRequest<'_>) -> ApiVersionsResponse {
    let named = call.version < 3
        || (is_name(request.client_software_name) && is_name(request.client_software_version));
    let error = if named { ErrorCode::None } else { ErrorCode::InvalidRequest };
    ApiVersionsResponse::default().with_error_code(error.code()).with_api_keys(advertised())
}

/// For a version above ours: what we speak, in the one body that every client can read.
pub(super) fn unsupported(call: Call<'_>) -> Result<Reply, Refusal> {
    let response = ApiVersionsResponse::default()
        .with_error_code(ErrorCode::UnsupportedVersion.code())
        .with_api_keys(advertised());
    Ok(Reply::Now(Answer::Send(call.encode_version(&response, 0)?)))
}

fn advertised() -> Vec<ApiVersion> {
    let entry = |api: ApiKey| {
        let versions = api.advertised_versions();
        ApiVersion::default()
            .with_api_key(api.code())
            .with_min_version(*versions.start())
            .with_max_version(*versions.end())
    };
    ApiKey::ALL.into_iter().map(entry).collect()
}

/// KIP-511: `[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?`
fn is_name(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    let bytes = text.as_bytes();
    match (bytes.first(), bytes.last()) {
        (Some(first), Some(last)) => {
            first.is_ascii_alphanumeric()
                && last.is_ascii_alphanumeric()
                && bytes.iter().all(|byte| inner(*byte))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_name;

    #[test]
    fn software_names_follow_kip_511() {
        for good in ["librdkafka", "apache-kafka-java", "4.1.1", "a"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "-a", "a-", ".", "a b", "ä", "a/b"] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
