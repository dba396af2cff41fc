//! QuestDB as seen over HTTP: the connection string, one connection, SQL.

mod conf;
mod sql;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use hyper::{Method, StatusCode};
use parking_lot::Mutex;
use serde::Deserialize;

use crate::http::{Target, percent_encode};

/// QuestDB is written to over HTTP.
pub use crate::http::{Credentials, Dial, HttpAnswer, HttpConnection, HttpError, Tcp, TrustedRoots};
pub use conf::{Conf, ConfError, Scheme};
pub use sql::{Rows, SqlColumn, quote_literal};

/// Connections for SQL that are kept when nobody uses them. QuestDB takes 64 over HTTP by default, for everybody.
const IDLE_CONNECTIONS: usize = 2;

/// What asks for QWP over WebSocket.
const QWP: &[(&str, &str)] = &[
    ("connection", "Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "cXVhZmthIGFza3MgeW91IQ=="),
    ("x-qwp-max-version", "1"),
];

/// A handle to one QuestDB. Clones share its connections.
#[derive(Clone)]
pub struct QuestDb(Arc<Inner>);

struct Inner {
    conf: Conf,
    target: Arc<Target>,
    idle: Mutex<Vec<HttpConnection>>,
}

impl fmt::Debug for QuestDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("QuestDb").field(self.conf()).finish()
    }
}

/// Why QuestDB did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuestDbError {
    /// No answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// QuestDB refused a statement.
    #[error("QuestDB refused the statement, at position {position}: {message}")]
    Sql {
        /// QuestDB's own words.
        message: String,
        /// The character of the statement at which QuestDB saw the trouble.
        position: i64,
    },
    /// An answer that is not the one of a QuestDB that takes requests from the gateway.
    #[error("QuestDB answered {status}: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The beginning of the body.
        message: String,
    },
    /// An answer that cannot be read.
    #[error("QuestDB's answer cannot be read: {0}")]
    Malformed(String),
}

/// What a server says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Such as `9.3.4`; absent on servers that do not tell.
    pub version: Option<String>,
    /// The ILP protocol versions that it takes; only 1 where it says nothing, as servers before 8.4 do.
    pub ilp_versions: Vec<u8>,
}

impl QuestDb {
    /// A handle from the QuestDB clients' configuration string. Nothing is connected yet.
    ///
    /// # Errors
    /// What is wrong with the string, or with the certificates that it names.
    pub fn from_conf(conf: &str) -> Result<Self, ConfError> {
        Self::over(Arc::new(Tcp), conf)
    }

    /// Like [`QuestDb::from_conf`], reached in some other way than over TCP.
    ///
    /// # Errors
    /// What is wrong with the string, or with the certificates that it names.
    pub fn over(dial: Arc<dyn Dial>, conf: &str) -> Result<Self, ConfError> {
        let conf = Conf::parse(conf)?;
        let target =
            Target::over(dial, conf.endpoint()).map_err(|message| ConfError { position: 0, message })?;
        Ok(Self(Arc::new(Inner { conf, target: Arc::new(target), idle: Mutex::default() })))
    }

    /// The connection string, understood.
    pub fn conf(&self) -> &Conf {
        &self.0.conf
    }

    /// A connection of the caller's own. It opens when it is first used.
    pub fn connection(&self) -> HttpConnection {
        HttpConnection::new(self.0.target.clone())
    }

    /// Asks whether QuestDB takes requests.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn ping(&self) -> Result<(), QuestDbError> {
        let answer = self.get("/ping").await?;
        if answer.status.is_success() { Ok(()) } else { Err(refused(&answer)) }
    }

    /// Asks for the server's version and what it speaks.
    ///
    /// # Errors
    /// Why there is no answer; a server that knows no settings is no error.
    pub async fn settings(&self) -> Result<Settings, QuestDbError> {
        let answer = self.get("/settings").await?;
        match answer.status {
            StatusCode::OK => Settings::parse(&answer.body),
            StatusCode::NOT_FOUND => Ok(Settings { ilp_versions: vec![1], ..Settings::default() }),
            _ => Err(refused(&answer)),
        }
    }

    /// Asks whether the server speaks QWP, by offering to switch the protocol as QuestDB's clients do. `/settings` does
    /// not tell.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn offers_qwp(&self) -> Result<bool, QuestDbError> {
        // Not one of the shared connections: after the answer it is of no use for HTTP.
        Ok(self.connection().upgrade("/api/v4/write", QWP).await? == StatusCode::SWITCHING_PROTOCOLS)
    }

    /// Runs one SQL statement. Names and literals are the caller's to escape; see [`quote_literal`].
    ///
    /// # Errors
    /// Why QuestDB refused it, or did not answer.
    pub async fn sql(&self, query: &str) -> Result<Rows, QuestDbError> {
        let answer = self.get(&format!("/exec?query={}", percent_encode(query))).await?;
        sql::parse_answer(&answer)
    }

    async fn get(&self, path: &str) -> Result<HttpAnswer, HttpError> {
        let idle = self.0.idle.lock().pop();
        let mut connection = idle.unwrap_or_else(|| self.connection());
        let mut answer = connection.send(Method::GET, path, Bytes::new()).await;
        if answer.is_err() {
            // An idle connection that the server has closed says so only now. Reading twice does no harm.
            answer = connection.send(Method::GET, path, Bytes::new()).await;
        }
        if answer.is_ok() {
            let mut idle = self.0.idle.lock();
            if idle.len() < IDLE_CONNECTIONS {
                idle.push(connection);
            }
        }
        answer
    }
}

fn refused(answer: &HttpAnswer) -> QuestDbError {
    QuestDbError::Refused { status: answer.status.as_u16(), message: beginning(&answer.body) }
}

/// The beginning of a body, for a message.
pub(crate) fn beginning(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body.get(..500).unwrap_or(body));
    text.trim().to_owned()
}

impl Settings {
    fn parse(body: &[u8]) -> Result<Self, QuestDbError> {
        #[derive(Deserialize, Default)]
        struct Answer {
            #[serde(default)]
            config: Config,
        }
        #[derive(Deserialize, Default)]
        struct Config {
            #[serde(rename = "release.version")]
            version: Option<String>,
            #[serde(rename = "line.proto.support.versions")]
            ilp_versions: Option<Vec<u8>>,
        }
        let answer: Answer = serde_json::from_slice(body)
            .map_err(|error| QuestDbError::Malformed(format!("/settings: {error}")))?;
        let ilp_versions = answer.config.ilp_versions.unwrap_or_else(|| vec![1]);
        Ok(Self { version: answer.config.version, ilp_versions })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_9_3_4() {
        let body =
            br#"{"config":{"release.type":"OSS","release.version":"9.3.4","http.settings.readonly":false,
            "accepting.writes":["http"],"line.proto.support.versions":[1,2,3],"ilp.proto.transports":["http"],
            "cairo.max.file.name.length":127},"preferences.version":0,"preferences":{}}"#;
        let settings = Settings::parse(body).unwrap();
        let expected = Settings { version: Some("9.3.4".into()), ilp_versions: vec![1, 2, 3] };
        assert_eq!(settings, expected);
        assert_eq!(Settings::parse(b"{}").unwrap().ilp_versions, [1]);
    }

    #[test]
    fn a_handle_shows_no_secret() {
        let questdb = QuestDb::from_conf("http::addr=a;username=admin;password=hunter2;").unwrap();
        assert!(!format!("{questdb:?}").contains("hunter2"));
    }
}
