use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, HOST, HeaderValue, USER_AGENT};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

use super::dial::{Dial, Incoming, Line, Tcp};
use super::tls;
use super::{Credentials, Endpoint};

/// An answer larger than this is refused; the largest that the gateway asks for lists a table's columns.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// A connection that has been idle for this long is not trusted with a write any more: whoever stands between may
/// have forgotten it, and a write into a dead connection has an unknown outcome. A fresh one costs a millisecond.
const MAX_IDLE: Duration = Duration::from_secs(30);

const USER_AGENT_VALUE: HeaderValue = HeaderValue::from_static(concat!("quafka/", env!("CARGO_PKG_VERSION")));

/// Where and how to connect, worked out.
pub struct Target {
    endpoint: Endpoint,
    dial: Arc<dyn Dial>,
    host: HeaderValue,
    authorization: Option<HeaderValue>,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Target {
    /// Over TCP. Nothing is connected yet.
    ///
    /// # Errors
    /// What is wrong with the address, or with the certificates that are named.
    pub fn new(endpoint: Endpoint) -> Result<Self, String> {
        Self::over(Arc::new(Tcp), endpoint)
    }

    /// Like [`Target::new`], reached in some other way.
    ///
    /// # Errors
    /// What is wrong with the address, or with the certificates that are named.
    pub fn over(dial: Arc<dyn Dial>, endpoint: Endpoint) -> Result<Self, String> {
        let host = HeaderValue::try_from(endpoint.addr.to_string())
            .map_err(|_| format!("`{}` is no host name", endpoint.addr))?;
        let tls = match &endpoint.tls {
            Some(tls) => {
                let name = ServerName::try_from(endpoint.addr.host.clone())
                    .map_err(|_| format!("TLS cannot check the name `{}`", endpoint.addr.host))?;
                Some((TlsConnector::from(tls::client_config(tls)?), name))
            }
            None => None,
        };
        let authorization = endpoint.credentials.as_ref().map(authorization).transpose()?;
        Ok(Self { endpoint, dial, host, authorization, tls })
    }

    /// Where and how, as it was given.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

fn authorization(credentials: &Credentials) -> Result<HeaderValue, String> {
    let text = match credentials {
        Credentials::Basic { username, password } => {
            format!("Basic {}", STANDARD.encode(format!("{username}:{password}")))
        }
        Credentials::Token(token) => format!("Bearer {token}"),
    };
    let mut value =
        HeaderValue::try_from(text).map_err(|_| "the credentials do not fit an HTTP header".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

/// Why there is no answer. The difference between the two decides whether a write may be tried again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// Certainly nothing of the request was handed to the network.
    #[error("{0}")]
    NotSent(String),
    /// The request was handed over, at least in part, and the answer never came.
    #[error("{0}")]
    Lost(String),
}

/// What the server answered.
#[derive(Clone, Debug)]
pub struct HttpAnswer {
    /// The status.
    pub status: StatusCode,
    /// The whole body.
    pub body: Bytes,
}

/// One HTTP/1.1 connection that is kept alive, and opened again when it is needed.
pub struct HttpConnection {
    target: Arc<Target>,
    open: Option<Open>,
    /// How many times it was opened.
    number: u64,
}

struct Open {
    sender: SendRequest<Full<Bytes>>,
    /// What has come over it and is not read.
    incoming: Box<dyn Fn() -> Incoming + Send>,
    is_tls: bool,
    driver: JoinHandle<()>,
    opened: Instant,
    last_used: Instant,
}

impl Open {
    /// Whether the server has not closed the connection, as the kernel knows it at this moment. The task that drives
    /// the connection hears of it only when it runs next; a write in between would have an unknown outcome.
    fn is_usable(&self) -> bool {
        if self.sender.is_closed() || self.last_used.elapsed() >= MAX_IDLE {
            return false;
        }
        match (self.incoming)() {
            Incoming::Nothing => true,
            // Between requests a server has nothing to say, except that TLS may have tickets to hand out.
            Incoming::Bytes => self.is_tls,
            Incoming::End => false,
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        // Also ends a request that is under way: nobody waits for it any more.
        self.driver.abort();
    }
}

impl HttpConnection {
    /// A connection that opens when it is first used.
    pub fn new(target: Arc<Target>) -> Self {
        Self { target, open: None, number: 0 }
    }

    /// Whether the connection is open, as far as this side knows.
    pub fn is_open(&self) -> bool {
        self.open.as_ref().is_some_and(Open::is_usable)
    }

    /// Tells one connection from the next: how many times it was opened.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Closes the connection where it has been open for longer than that. False: it has not.
    pub fn close_older(&mut self, age: Duration) -> bool {
        let closed = self.open.take_if(|open| open.opened.elapsed() >= age);
        closed.is_some()
    }

    /// Opens the connection where it is not open.
    ///
    /// # Errors
    /// [`HttpError::NotSent`] always.
    pub async fn connect(&mut self) -> Result<(), HttpError> {
        self.open = Some(self.ready().await?);
        Ok(())
    }

    /// Sends one request and waits for the whole answer, for at most `request_timeout` and what its size adds.
    ///
    /// # Errors
    /// Says whether the request may have reached the server. The connection is given up in both cases.
    pub async fn send(&mut self, method: Method, path: &str, body: Bytes) -> Result<HttpAnswer, HttpError> {
        let endpoint = &self.target.endpoint;
        let name = endpoint.name;
        let by_size = body.len() as u64 * 1000 / endpoint.request_min_throughput.max(1);
        let limit = endpoint.request_timeout + Duration::from_millis(by_size);
        let mut request = self.request(path, body)?;
        *request.method_mut() = method;

        let mut open = self.ready().await?;
        // Taken out of `self` meanwhile, so that whoever drops this future closes the connection.
        let answer = timeout(limit, exchange(&mut open.sender, request, name)).await;
        match answer {
            Ok(Ok(answer)) => {
                open.last_used = Instant::now();
                self.open = Some(open);
                Ok(answer)
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(HttpError::Lost(format!("no answer from {name} within {} ms", limit.as_millis()))),
        }
    }

    /// Asks for another protocol with these headers and hangs up; the status is 101 where the server agrees.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn upgrade(
        &mut self,
        path: &str,
        headers: &[(&'static str, &'static str)],
    ) -> Result<StatusCode, HttpError> {
        let Endpoint { name, request_timeout: limit, .. } = self.target.endpoint;
        let mut request = self.request(path, Bytes::new())?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, HeaderValue::from_static(value));
        }
        let mut open = self.ready().await?;
        match timeout(limit, open.sender.send_request(request)).await {
            Ok(Ok(response)) => Ok(response.status()),
            Ok(Err(error)) => Err(HttpError::Lost(describe(&error, name))),
            Err(_) => Err(HttpError::Lost(format!("no answer from {name} within {} ms", limit.as_millis()))),
        }
    }

    /// A GET with the headers that every request has.
    fn request(&self, path: &str, body: Bytes) -> Result<Request<Full<Bytes>>, HttpError> {
        let mut request = Request::new(Full::new(body));
        *request.uri_mut() = path.parse().map_err(|error| HttpError::NotSent(format!("{path}: {error}")))?;
        let headers = request.headers_mut();
        headers.insert(HOST, self.target.host.clone());
        headers.insert(USER_AGENT, USER_AGENT_VALUE);
        if let Some(authorization) = &self.target.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        Ok(request)
    }

    async fn ready(&mut self) -> Result<Open, HttpError> {
        if self.is_open()
            && let Some(mut open) = self.open.take()
            && open.sender.ready().await.is_ok()
        {
            return Ok(open);
        }
        self.open = None;
        let Endpoint { name, addr, connect_timeout: limit, .. } = &self.target.endpoint;
        match timeout(*limit, open(&self.target)).await {
            Ok(Ok(open)) => {
                self.number += 1;
                Ok(open)
            }
            Ok(Err(error)) => Err(HttpError::NotSent(format!("cannot connect to {name} at {addr}: {error}"))),
            Err(_) => Err(HttpError::NotSent(format!(
                "no connection to {name} at {addr} within {} ms",
                limit.as_millis()
            ))),
        }
    }
}

async fn exchange(
    sender: &mut SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
    name: &str,
) -> Result<HttpAnswer, HttpError> {
    let response = sender.try_send_request(request).await.map_err(|mut error| {
        // hyper gives the request back exactly when it has not begun to write it.
        let not_sent = error.take_message().is_some();
        let text = describe(&error.into_error(), name);
        if not_sent { HttpError::NotSent(text) } else { HttpError::Lost(text) }
    })?;
    let status = response.status();
    let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES)
        .collect()
        .await
        .map_err(|error| HttpError::Lost(format!("the answer from {name} broke off: {error}")))?;
    Ok(HttpAnswer { status, body: body.to_bytes() })
}

/// hyper's messages say little; what is below them says more.
fn describe(error: &hyper::Error, name: &str) -> String {
    use std::error::Error;
    match error.source() {
        Some(source) => format!("the connection to {name} broke: {error}: {source}"),
        None => format!("the connection to {name} broke: {error}"),
    }
}

async fn open(target: &Target) -> Result<Open, String> {
    let addr = &target.endpoint.addr;
    let Line { stream, incoming } = target.dial.dial(addr).await.map_err(|error| error.to_string())?;
    let (sender, driver) = match &target.tls {
        None => handshake(stream).await?,
        Some((connector, name)) => {
            let tls =
                connector.connect(name.clone(), stream).await.map_err(|error| format!("TLS: {error}"))?;
            handshake(tls).await?
        }
    };
    let now = Instant::now();
    Ok(Open { sender, incoming, is_tls: target.tls.is_some(), driver, opened: now, last_used: now })
}

type Handshake = (SendRequest<Full<Bytes>>, JoinHandle<()>);

async fn handshake<T>(io: T) -> Result<Handshake, String>
where
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) =
        http1::handshake(TokioIo::new(io)).await.map_err(|error| format!("HTTP: {error}"))?;
    let driver = tokio::spawn(async move {
        // What went wrong is told to whoever sends a request.
        let _ = connection.await;
    });
    Ok((sender, driver))
}
