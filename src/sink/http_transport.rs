use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;

use super::answer::{Answer, Rejection, of_write};
use super::ilp::{self, IlpVersion};
use super::pending::Pending;
use super::transport::{Sending, Transport, Written};
use crate::questdb::{HttpConnection, HttpError, QuestDb};

/// QuestDB 9.3.4 goes on judging rows by the columns that a table had when a connection first wrote to it. So a row that
/// it refuses on a connection of this age is tried again on a new one.
const MAX_AGE_TO_REFUSE: Duration = Duration::from_secs(1);

/// ILP over HTTP: every request is a POST to `/write` with the rows of one table, and every QuestDB takes it.
pub(super) struct HttpTransport {
    questdb: QuestDb,
    connection: HttpConnection,
    /// Asked anew with every connection: the server may have been replaced by another one.
    version: Option<IlpVersion>,
    /// Kept from request to request.
    body: Vec<u8>,
    max_bytes: usize,
}

impl HttpTransport {
    pub(super) fn new(questdb: QuestDb, max_bytes: usize) -> Self {
        let connection = questdb.connection();
        Self { questdb, connection, version: None, body: Vec::new(), max_bytes }
    }

    async fn ask_version(&mut self) -> Result<IlpVersion, Arc<str>> {
        let versions = match self.questdb.conf().protocol_version {
            Some(version) => vec![version],
            None => self.questdb.settings().await.map_err(|error| Arc::from(error.to_string()))?.ilp_versions,
        };
        // Version 3 adds only decimals, which no column has.
        Ok(if versions.iter().any(|&version| version >= 2) { IlpVersion::V2 } else { IlpVersion::V1 })
    }
}

impl HttpTransport {
    async fn post(&mut self, body: Bytes, blocks: usize, sending: &mut Sending<'_>) -> Answer {
        if let Err(error) = self.connection.connect().await {
            return Answer::NotSent(error.to_string().into());
        }
        sending(blocks, self.connection.number());
        match self.connection.send(Method::POST, "/write", body).await {
            Ok(answer) => of_write(&answer),
            Err(HttpError::NotSent(why)) => Answer::NotSent(why.into()),
            Err(HttpError::Lost(why)) => Answer::Unknown(why.into()),
        }
    }
}

impl Transport for HttpTransport {
    async fn connect(&mut self) -> Result<(), Arc<str>> {
        if self.connection.is_open() && self.version.is_some() {
            return Ok(());
        }
        self.version = None;
        self.connection.connect().await.map_err(|error| Arc::from(error.to_string()))?;
        self.version = Some(self.ask_version().await?);
        Ok(())
    }

    fn connection(&self) -> u64 {
        self.connection.number()
    }

    async fn write(&mut self, batch: &[Pending], sending: &mut Sending<'_>) -> Written {
        let Some(version) = self.version else {
            return Written {
                blocks: batch.len(),
                bytes: 0,
                answer: Answer::NotSent("not connected".into()),
            };
        };
        self.body.clear();
        let mut blocks = 0;
        for pending in batch {
            let before = self.body.len();
            match ilp::encode(&pending.block, version, &mut self.body) {
                Ok(()) if blocks > 0 && self.body.len() > self.max_bytes => {
                    self.body.truncate(before);
                    break;
                }
                Ok(()) => blocks += 1,
                Err(unwritable) if blocks == 0 => {
                    let ilp::Unwritable { row, column, message } = unwritable;
                    let answer = Answer::Rejected(Rejection { row: Some(row), column, message });
                    return Written { blocks: 1, bytes: 0, answer };
                }
                // What comes before it goes first; then it is the first one.
                Err(_) => break,
            }
        }

        let body = Bytes::from(std::mem::take(&mut self.body));
        let bytes = body.len();
        let mut answer = self.post(body.clone(), blocks, sending).await;
        let by_column = matches!(&answer, Answer::Rejected(Rejection { column: Some(_), .. }));
        // Nothing of a rejected request is written, and sending opens the connection.
        if by_column && self.connection.close_older(MAX_AGE_TO_REFUSE) {
            answer = self.post(body.clone(), blocks, sending).await;
        }
        // The connection has let go of its copy, except after an error; then the next request allocates anew.
        self.body = body.try_into_mut().map(Vec::from).unwrap_or_default();
        Written { blocks, bytes, answer }
    }
}
