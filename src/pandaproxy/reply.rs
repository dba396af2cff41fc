use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

const CONTENT_TYPE: &str = "application/vnd.kafka.v2+json";

/// Why a request as a whole is refused, as `{"error_code":…,"message":…}`.
#[derive(Debug)]
pub(super) struct Fault {
    /// An HTTP status, or one followed by two digits, as the REST proxies have them:
    ///
    /// | code | is |
    /// |---|---|
    /// | 404, 408, 413, 415, 422 | as in HTTP |
    /// | 40002 | Kafka refuses it for good |
    /// | 40401 | there is no such topic |
    /// | 50002, 50003 | a fault of the gateway's; not written at the moment, to be sent again |
    pub code: u16,
    pub message: String,
}

impl Fault {
    pub(super) fn status(&self) -> StatusCode {
        let status = if self.code >= 1000 { self.code / 100 } else { self.code };
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<Fault> for Response {
    fn from(fault: Fault) -> Self {
        ok(fault.status(), &json!({ "error_code": fault.code, "message": fault.message }))
    }
}

pub(super) fn ok(status: StatusCode, value: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, CONTENT_TYPE)], value.to_string()).into_response()
}
