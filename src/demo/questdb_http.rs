//! SQL over QuestDB's HTTP server, as much as the demo and the tests need.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::header::{AUTHORIZATION, HOST};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// There is no connection, or it broke.
    #[error("QuestDB at {address}: {error}")]
    Connection {
        /// Host and port.
        address: String,
        /// What happened.
        error: io::Error,
    },
    /// QuestDB refused the query.
    #[error("QuestDB refused `{query}`: {message}")]
    Refused {
        /// The query.
        query: String,
        /// QuestDB's reason.
        message: String,
    },
}

/// A QuestDB's HTTP server.
#[derive(Clone, Debug)]
pub struct QuestDbHttp {
    host: String,
    port: u16,
    authorization: Option<String>,
}

/// No query of the demo or a test takes longer; a stopped server must not hang its caller.
const TIMEOUT: Duration = Duration::from_secs(30);

impl QuestDbHttp {
    /// A server without TLS and without a password.
    pub fn plain(host: &str, port: u16) -> Self {
        Self { host: host.to_owned(), port, authorization: None }
    }

    /// Where the web console is.
    pub fn console(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Whether `/ping` answers 204, as it does once the server is ready.
    pub async fn ping(&self) -> bool {
        let answer = tokio::time::timeout(Duration::from_secs(2), self.get("/ping")).await;
        matches!(answer, Ok(Ok((204, _))))
    }

    /// The rows of a query, a list of values each; none for a statement that has no result.
    ///
    /// # Errors
    /// When there is no connection, or with QuestDB's own words when it refuses the query.
    pub async fn sql(&self, query: &str) -> Result<Vec<Vec<Value>>, SqlError> {
        let path = format!("/exec?query={}", percent_encoded(query));
        let answer = tokio::time::timeout(TIMEOUT, self.get(&path)).await;
        let answer = answer.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut)));
        let (status, body) =
            answer.map_err(|error| SqlError::Connection { address: self.address(), error })?;
        let refused = |message: String| SqlError::Refused { query: query.to_owned(), message };
        let mut answer: Value = serde_json::from_slice(&body)
            .map_err(|_| refused(format!("status {status}, {}", String::from_utf8_lossy(&body))))?;
        if let Some(error) = answer.get("error") {
            return Err(refused(error.as_str().map_or_else(|| error.to_string(), str::to_owned)));
        }
        match answer.get_mut("dataset").map(Value::take) {
            Some(Value::Array(rows)) => Ok(rows.into_iter().map(into_list).collect()),
            _ => Ok(Vec::new()),
        }
    }

    /// The number of rows that a SELECT sees; 0 where there is no such table.
    ///
    /// # Errors
    /// As [`QuestDbHttp::sql`].
    pub async fn count(&self, table: &str) -> Result<u64, SqlError> {
        match self.sql(&format!("SELECT count() FROM '{}'", table.replace('\'', "''"))).await {
            Ok(rows) => Ok(rows.first().and_then(|row| row.first()?.as_u64()).unwrap_or(0)),
            Err(SqlError::Refused { message, .. }) if message.contains("does not exist") => Ok(0),
            Err(error) => Err(error),
        }
    }

    fn address(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    /// One connection for one request: QuestDB counts open connections, and this is not the busy path.
    async fn get(&self, path: &str) -> io::Result<(u16, Bytes)> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        let connection = tokio::spawn(connection);
        let mut request = Request::get(path).header(HOST, self.address());
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request = request.body(Empty::<Bytes>::new()).map_err(io::Error::other)?;
        let response = sender.send_request(request).await.map_err(io::Error::other)?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
        connection.abort();
        Ok((status, body))
    }
}

fn into_list(row: Value) -> Vec<Value> {
    match row {
        Value::Array(values) => values,
        value => vec![value],
    }
}

fn percent_encoded(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::with_capacity(text.len() * 2), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}
