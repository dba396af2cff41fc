use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use hyper::Method;
use parking_lot::Mutex;

use super::RegistryError;
use super::answer;
use super::metrics::{Answer, RegistryMetrics};
use crate::config::RegistryConfig;
use crate::http::{Credentials, Endpoint, HttpAnswer, HttpConnection, HttpError, Target, Tls, TrustedRoots};

/// Connections that are kept when nobody uses them, to each server.
const IDLE_CONNECTIONS: usize = 2;

/// How much a second a schema comes in at least.
const MIN_THROUGHPUT: u64 = 100 << 10;

/// The way to a registry's servers, which all know the same.
pub(super) struct Client {
    servers: Vec<Server>,
    /// The one that is asked first: the last that answered.
    first: AtomicUsize,
    metrics: RegistryMetrics,
}

struct Server {
    url: String,
    path: String,
    target: Arc<Target>,
    idle: Mutex<Vec<HttpConnection>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.servers.iter().map(|server| &server.url)).finish()
    }
}

impl Client {
    pub fn new(config: &RegistryConfig, metrics: RegistryMetrics) -> Result<Self, String> {
        let servers = config.urls.iter().map(|url| {
            let roots = config.tls_roots.clone().map_or(TrustedRoots::Webpki, TrustedRoots::PemFile);
            let endpoint = Endpoint {
                name: "the schema registry",
                addr: url.addr.clone(),
                tls: url.tls.then_some(Tls { verify: config.tls_verify, roots }),
                credentials: credentials(config),
                request_timeout: config.request_timeout,
                request_min_throughput: MIN_THROUGHPUT,
                connect_timeout: config.connect_timeout,
            };
            Ok(Server {
                url: url.to_string(),
                path: url.path.clone(),
                target: Arc::new(Target::new(endpoint)?),
                idle: Mutex::default(),
            })
        });
        let servers = servers.collect::<Result<_, String>>()?;
        Ok(Self { servers, first: AtomicUsize::new(0), metrics })
    }

    /// Asks one server after the other until one gives an answer that counts: a success, or that there is no such thing.
    pub async fn get(&self, path: &str) -> Result<HttpAnswer, RegistryError> {
        let first = self.first.load(Ordering::Relaxed);
        let mut reasons: Vec<String> = Vec::new();
        for number in 0..self.servers.len() {
            let number = (first + number) % self.servers.len();
            let Some(server) = self.servers.get(number) else { continue };
            let mut request = self.metrics.begin();
            let answered = match server.get(path).await {
                Ok(answer) => match answer::fault(&answer) {
                    None => Ok(answer),
                    Some(fault) => Err(format!("{} {fault}", server.url)),
                },
                Err(error) => Err(error.to_string()),
            };
            if let Ok(answer) = &answered {
                request.answer = if answer.status.is_success() { Answer::found } else { Answer::not_found };
            }
            drop(request);
            match answered {
                Ok(answer) => {
                    self.first.store(number, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(reason) => reasons.push(reason),
            }
        }
        Err(RegistryError::Away(reasons.join("; ")))
    }
}

impl Server {
    async fn get(&self, path: &str) -> Result<HttpAnswer, HttpError> {
        let path = format!("{}{path}", self.path);
        let idle = self.idle.lock().pop();
        let was_idle = idle.is_some();
        let mut connection = idle.unwrap_or_else(|| HttpConnection::new(self.target.clone()));
        let mut answer = connection.send(Method::GET, &path, Bytes::new()).await;
        if answer.is_err() && was_idle {
            // An idle connection that the server has closed says so only now.
            answer = connection.send(Method::GET, &path, Bytes::new()).await;
        }
        if answer.is_ok() {
            let mut idle = self.idle.lock();
            if idle.len() < IDLE_CONNECTIONS {
                idle.push(connection);
            }
        }
        answer
    }
}

fn credentials(config: &RegistryConfig) -> Option<Credentials> {
    match (&config.username, &config.password, &config.token) {
        (Some(username), Some(password), _) => {
            Some(Credentials::Basic { username: username.clone(), password: password.reveal().to_owned() })
        }
        (_, _, Some(token)) => Some(Credentials::Token(token.reveal().to_owned())),
        _ => None,
    }
}
