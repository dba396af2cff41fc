//! QWP: QuestDB's columnar protocol over WebSocket, from QuestDB 9.4 on, through QuestDB's own client.
//!
//! The client's usual sender keeps what it is given and sends it again by itself, also after an answer was lost: the
//! outcome would stay unknown without anybody knowing that it is. Its *direct* sender, which the client's own data
//! frame functions are built on, does not: it has no queue and no thread, sends a chunk as one atomic request, waits
//! for the answer and says after an error whether the chunk may have arrived
//! ([`questdb::Error::in_doubt`]). It blocks and stays on its thread, so a lane of this kind has one.
//!
//! A request is all that has gathered for a table, up to the limits, so a lane waits for each answer; while one lane
//! waits, the others send.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use questdb::ingress::column_sender::{Chunk, Validity};
use questdb::ingress::{AckLevel, TimestampUnit};
use questdb::{BorrowedDirectColumnSender, ErrorCode};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::answer::{Answer, Rejection};
use super::http_transport::HttpTransport;
use super::merge::{Merge, Merged, MergedColumn, MergedValues, merge};
use super::pending::Pending;
use super::transport::{Sending, Transport, Written};
use super::typed::Typed;
use crate::questdb::{Conf, Credentials, QuestDb, TrustedRoots};
use crate::rows::TimeUnit;

/// Writes by QWP, and the few blocks that its client cannot take by HTTP.
pub(super) struct QwpTransport {
    conf: Arc<str>,
    thread: Option<mpsc::Sender<Job>>,
    connected: bool,
    request_timeout: Duration,
    max_bytes: usize,
    /// For arrays of different shapes within one column, which the client's columnar interface refuses.
    http: HttpTransport,
}

enum Job {
    Connect(oneshot::Sender<Result<(), Arc<str>>>),
    Write(Merged, oneshot::Sender<Answer>),
}

impl QwpTransport {
    pub(super) fn new(questdb: &QuestDb, max_bytes: usize) -> Self {
        Self {
            conf: client_conf(questdb.conf()).into(),
            thread: None,
            connected: false,
            request_timeout: questdb.conf().request_timeout,
            max_bytes,
            http: HttpTransport::new(questdb.clone(), max_bytes),
        }
    }

    /// Hands a job to the thread, starting it where there is none or where it has ended. None when it ends during
    /// the job, which is a bug in the client.
    async fn ask<T>(&mut self, job: impl FnOnce(oneshot::Sender<T>) -> Job) -> Option<T> {
        let (sender, receiver) = oneshot::channel();
        let mut job = job(sender);
        for _ in 0..2 {
            let jobs = match self.thread.take() {
                Some(jobs) => jobs,
                None => {
                    let (jobs, queue) = mpsc::channel();
                    let conf = self.conf.clone();
                    let thread = std::thread::Builder::new().name("quafka-qwp".to_owned());
                    thread.spawn(move || run(&conf, &queue)).ok()?;
                    jobs
                }
            };
            match jobs.send(job) {
                Ok(()) => {
                    self.thread = Some(jobs);
                    break;
                }
                Err(mpsc::SendError(unsent)) => job = unsent,
            }
        }
        receiver.await.ok()
    }
}

impl Transport for QwpTransport {
    async fn connect(&mut self) -> Result<(), Arc<str>> {
        if !self.connected {
            let answer = self.ask(Job::Connect).await;
            answer.unwrap_or_else(|| Err("the thread of a QWP lane ended; this is a bug".into()))?;
            self.connected = true;
        }
        Ok(())
    }

    /// Nobody asks by it: what becomes of transactions over QWP is not known for sure.
    fn connection(&self) -> u64 {
        0
    }

    async fn write(&mut self, batch: &[Pending], sending: &mut Sending<'_>) -> Written {
        let (blocks, merged) = match merge(batch, self.max_bytes) {
            Merge::Blocks(blocks, merged) => (blocks, merged),
            Merge::Ragged => {
                if let Err(why) = self.http.connect().await {
                    return Written { blocks: 1, bytes: 0, answer: Answer::NotSent(why) };
                }
                return self.http.write(&batch[..1], sending).await;
            }
        };
        let bytes = batch[..blocks].iter().map(|pending| pending.block.memory_bytes()).sum();
        sending(blocks, self.connection());
        let answer = match timeout(self.request_timeout, self.ask(|sender| Job::Write(merged, sender))).await
        {
            Ok(Some(answer)) => answer,
            Ok(None) => Answer::Unknown("the thread of a QWP lane ended; this is a bug".into()),
            Err(_) => {
                // The client itself waits for longer. Its thread ends by itself when it has given up.
                self.thread = None;
                let limit = self.request_timeout.as_millis();
                Answer::Unknown(format!("no answer from QuestDB within {limit} ms").into())
            }
        };
        // After any error the server ignores what follows on the connection, so it is of no use any more.
        self.connected = answer == Answer::Committed;
        Written { blocks, bytes, answer }
    }
}

/// The thread of a lane: until the lane has gone.
fn run(conf: &str, jobs: &mpsc::Receiver<Job>) {
    while let Ok(job) = jobs.recv() {
        match job {
            Job::Connect(done) => {
                let client = questdb::QuestDb::connect(conf);
                let sender = match &client {
                    Ok(client) => client.borrow_direct_column_sender(),
                    Err(error) => Err(questdb::Error::new(error.code(), error.msg())),
                };
                match sender {
                    Ok(sender) => {
                        let _ = done.send(Ok(()));
                        write_until_error(sender, jobs);
                    }
                    Err(error) => {
                        let _ =
                            done.send(Err(
                                format!("cannot connect to QuestDB over QWP: {}", error.msg()).into()
                            ));
                    }
                }
            }
            Job::Write(_, done) => {
                let _ = done.send(Answer::NotSent("not connected".into()));
            }
        }
    }
}

fn write_until_error(mut sender: BorrowedDirectColumnSender<'_>, jobs: &mpsc::Receiver<Job>) {
    while let Ok(job) = jobs.recv() {
        match job {
            Job::Connect(done) => {
                let _ = done.send(Ok(()));
            }
            Job::Write(merged, done) => {
                let answer = match chunk(&merged) {
                    Ok(mut chunk) => match sender.flush_and_wait(&mut chunk, AckLevel::Ok) {
                        Ok(()) => Answer::Committed,
                        Err(error) => of_error(&error),
                    },
                    Err(error) => of_error(&error),
                };
                let failed = answer != Answer::Committed;
                if failed {
                    // What the server has not been told to commit must not be committed on the way out.
                    sender.drop_on_return();
                }
                let _ = done.send(answer);
                if failed {
                    return;
                }
            }
        }
    }
}

/// What the client's error says about the rows.
///
/// A server's error about a frame means that it has not written it: QuestDB's own client sends such a frame again
/// (`server_error_policy` of questdb-rs 7.2.1). An internal error is taken as what it is, nobody knows. It names no row,
/// so the culprit is found by halving.
fn of_error(error: &questdb::Error) -> Answer {
    let text = error.msg();
    let from_server = text.contains("QWP server error on fsn");
    let rejection = || Answer::Rejected(Rejection { row: None, column: None, message: refusal(text) });
    match error.code() {
        ErrorCode::InvalidApiCall if from_server => rejection(),
        ErrorCode::ServerFlushError if from_server && text.contains("is not allowed") => rejection(),
        ErrorCode::ServerFlushError if from_server && !text.contains("status=0x06") => {
            Answer::Unavailable(format!("QuestDB did not take the rows: {text}").into())
        }
        ErrorCode::AuthError => Answer::Unavailable(
            format!("QuestDB answered {text}: check the credentials in questdb.conf and what they may write")
                .into(),
        ),
        ErrorCode::ServerFlushError => Answer::Unknown(format!("QuestDB failed: {text}").into()),
        _ if error.in_doubt() => Answer::Unknown(format!("the connection to QuestDB broke: {text}").into()),
        ErrorCode::FailoverRetry
        | ErrorCode::SocketError
        | ErrorCode::ConnectTimeout
        | ErrorCode::SymbolDictFull => Answer::NotSent(text.into()),
        _ => rejection(),
    }
}

fn refusal(text: &str) -> String {
    let message = text.split_once("message=").map_or(text, |(_, message)| message.trim_matches('"'));
    format!("QuestDB refused a row of this record batch: {message}")
}

/// The rows as the client wants them. It borrows them.
fn chunk(merged: &Merged) -> questdb::Result<Chunk<'_>> {
    let rows = merged.timestamps.len();
    let mut chunk = Chunk::new(merged.table.as_str());
    for MergedColumn { name, values, validity } in &merged.columns {
        let validity = match validity.has_zero {
            true => Some(Validity::from_bitmap(&validity.bytes, rows)?),
            false => None,
        };
        let validity = validity.as_ref();
        match values {
            MergedValues::Boolean(bits) => chunk.column_bool(name, &bits.bytes, rows, validity)?,
            MergedValues::Long(values) => chunk.column_i64(name, values, validity)?,
            MergedValues::Timestamp(values) => {
                chunk.column_ts(name, values, TimestampUnit::Micros, validity)?
            }
            MergedValues::TimestampNanos(values) => {
                chunk.column_ts(name, values, TimestampUnit::Nanos, validity)?
            }
            MergedValues::Date(values) => chunk.column_date(name, values, validity)?,
            MergedValues::Typed(Typed::Uuid(values)) => chunk.column_uuid(name, values, validity)?,
            MergedValues::Typed(Typed::Ipv4(values)) => chunk.column_ipv4(name, values, validity)?,
            MergedValues::Typed(Typed::Long256(values)) => chunk.column_long256(name, values, validity)?,
            MergedValues::Typed(Typed::Decimal { scale, values }) => {
                chunk.column_decimal256(name, values, *scale, validity)?
            }
            MergedValues::Double(values) => chunk.column_f64(name, values, validity)?,
            MergedValues::Varchar(texts) => chunk.column_str(name, &texts.offsets, &texts.bytes, validity)?,
            MergedValues::Symbol { codes, dictionary } => {
                chunk.symbol_i32(name, codes, &dictionary.offsets, &dictionary.bytes, validity)?
            }
            MergedValues::DoubleArray { shape, elements } => {
                chunk.column_f64_array(name, elements, rows, shape, validity)?
            }
        };
    }
    match merged.unit {
        TimeUnit::Micros => chunk.at_micros(&merged.timestamps)?,
        TimeUnit::Nanos => chunk.at_nanos(&merged.timestamps)?,
    };
    Ok(chunk)
}

/// The configuration for the client: only what the gateway means, so that nothing is retried behind its back, no
/// connection is opened that it does not ask for, and nothing is stored on disk.
fn client_conf(conf: &Conf) -> String {
    let scheme = if conf.scheme.is_tls() { "wss" } else { "ws" };
    let connect_ms = conf.connect_timeout.as_millis();
    let mut text = format!(
        "{scheme}::addr={};sender_pool_min=0;query_pool_min=0;pool_reap=manual;connect_timeout={connect_ms};\
         auth_timeout_ms={connect_ms};",
        conf.addr,
    );
    let mut add = |key: &str, value: &str| text.push_str(&format!("{key}={};", value.replace(';', ";;")));
    match &conf.credentials {
        Some(Credentials::Basic { username, password }) => {
            add("username", username);
            add("password", password);
        }
        Some(Credentials::Token(token)) => add("token", token),
        None => {}
    }
    if conf.scheme.is_tls() {
        match &conf.tls_roots {
            TrustedRoots::Webpki => add("tls_ca", "webpki_roots"),
            TrustedRoots::Os => add("tls_ca", "os_roots"),
            TrustedRoots::WebpkiAndOs => add("tls_ca", "webpki_and_os_roots"),
            TrustedRoots::PemFile(path) => add("tls_roots", &path.to_string_lossy()),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_is_told_only_what_the_gateway_means() {
        let conf =
            Conf::parse("wss::addr=[::1]:9009;username=u;password=a;;b;tls_ca=os_roots;auto_flush_rows=1;")
                .unwrap();
        let text = client_conf(&conf);
        assert!(text.starts_with("wss::addr=[::1]:9009;sender_pool_min=0;query_pool_min=0;"), "{text}");
        assert!(
            text.contains("username=u;password=a;;b;tls_ca=os_roots;") && !text.contains("auto_flush"),
            "{text}"
        );
        // It connects to nobody until it is asked to.
        questdb::QuestDb::connect(&text).unwrap();
    }

    #[test]
    fn errors_by_their_code() {
        let of = |code, text: &str| of_error(&questdb::Error::new(code, text));
        let server = "QWP server error on fsn 0: status=0x03, message=\"no such column\"";
        let expected = Rejection {
            row: None,
            column: None,
            message: "QuestDB refused a row of this record batch: no such column".into(),
        };
        assert_eq!(of(ErrorCode::InvalidApiCall, server), Answer::Rejected(expected));
        let write = "QWP server error on fsn 0: status=0x09, message=\"busy\"";
        assert!(matches!(of(ErrorCode::ServerFlushError, write), Answer::Unavailable(_)));
        assert!(matches!(of(ErrorCode::AuthError, "401"), Answer::Unavailable(_)));
        assert!(matches!(of(ErrorCode::FailoverRetry, "closed"), Answer::NotSent(_)));
    }
}
