use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::admission::Admission;
use super::http_listener;
use super::listener::listen;
use super::open_files;
use crate::api::{Gateway, SpoolMetrics, Spooling, Unfinished, Written, drain};
use crate::config::{Config, HostPort};
use crate::dead_letters::KafkaLetters;
use crate::memory::MemoryBudget;
use crate::ops::{AdminServer, LogLimit, Metrics};
use crate::pandaproxy;
use crate::questdb::{ConfError, QuestDb};
use crate::registry::Registry;
use crate::rows::TableName;
use crate::schema::Schemas;
use crate::sink::{self, RequestJournal, Sink, SinkError, SinkMetrics, SinkOptions};
use crate::topics::{History, Lasting, Numbers, NumbersError, Topics};

/// How long a shutdown waits for what is in flight.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(30);

/// Log lines about batches that were not written, at most, in each interval.
const REFUSALS_LOGGED: u32 = 10;
const REFUSALS_INTERVAL: Duration = Duration::from_secs(10);

/// Log lines about clients that speak another protocol, at most, in each interval: such a client comes again.
const STRANGERS_LOGGED: u32 = 20;
const STRANGERS_INTERVAL: Duration = Duration::from_secs(60);

/// Why the gateway cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address} (`{key}`): {source}")]
    Listen {
        /// The key of the configuration that names it.
        key: &'static str,
        /// The address.
        address: HostPort,
        /// What the system said.
        source: io::Error,
    },
    /// The data dir cannot be used.
    #[error("data_dir: {0}")]
    Numbers(#[from] NumbersError),
    /// The spool cannot be used.
    #[error("the spool in {folder}: {source}")]
    Spool {
        /// Its folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// QuestDB's configuration string is wrong.
    #[error("questdb.conf: {0}")]
    QuestDb(#[from] ConfError),
    /// The registry's settings are wrong.
    #[error("registry: {0}")]
    Registry(String),
    /// The lanes cannot start.
    #[error("questdb: {0}")]
    Sink(#[from] SinkError),
}

/// A running gateway.
pub struct Server {
    gateway: Arc<Gateway>,
    local_addr: SocketAddr,
    admin_addr: SocketAddr,
    /// No new connections and requests.
    stop: CancellationToken,
    /// No more metrics and health.
    stop_admin: CancellationToken,
    connections: TaskTracker,
    listener: JoinHandle<()>,
    /// Nothing more out of the spool.
    stop_drain: CancellationToken,
    drain: Option<JoinHandle<()>>,
    admin: JoinHandle<io::Result<()>>,
}

impl Server {
    /// Starts listening. QuestDB need not be there yet.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        open_files::raise_limit(config.limits.connections);
        let numbers = Arc::new(match &config.data_dir {
            Some(folder) => Numbers::open(folder)?,
            None => Numbers::from_clock(SystemTime::now()),
        });
        let questdb = QuestDb::from_conf(&config.questdb.conf)?;
        let registry =
            config.registry.as_ref().map(Registry::new).transpose().map_err(StartError::Registry)?;
        let metrics = Arc::new(Metrics::new());
        if let Some(registry) = &registry {
            metrics.extend(|metrics| registry.register(metrics));
        }
        let mut history = match &config.data_dir {
            Some(folder) => {
                History::open(folder).map_err(|source| NumbersError::Io { path: folder.clone(), source })?
            }
            None => History::default(),
        };
        let (journal, written) = requests_before(&config, &questdb).await?;
        written.add_to(&mut history);
        let spooling = spooling(&config, &metrics, &mut history, &written)?;
        let sink_metrics = SinkMetrics::default();
        metrics.extend(|registry| sink_metrics.register(registry));
        let options = SinkOptions {
            transport: config.questdb.transport,
            lanes: config.questdb.lanes,
            exactly_once: config.questdb.exactly_once,
            journal,
            ..SinkOptions::default()
        };
        let sink = Sink::start(options, questdb.clone(), sink_metrics).await?;

        let (listener, local_addr) = bind("listen", &config.listen).await?;
        let (admin_listener, admin_addr) = bind("admin", &config.admin).await?;
        let pandaproxy_listener = match &config.pandaproxy {
            Some(address) => Some(bind("pandaproxy", address).await?),
            None => None,
        };
        let lasting = Lasting { numbers: numbers.clone(), history: Arc::new(history) };
        let listening = HostPort { host: config.listen.host.clone(), port: local_addr.port() };
        let memory = MemoryBudget::new(config.limits.memory);

        let schemas = Schemas::new(questdb.clone());
        metrics.extend(|registry| schemas.register(registry));
        for table in config.topics.dead_letter_tables() {
            schemas.uses(&TableName::new(table));
        }
        let gateway = Arc::new(Gateway {
            topics: Topics::new(config.topics.clone(), config.limits.topics, lasting),
            schemas,
            registry,
            listening,
            numbers,
            sink,
            spooling,
            memory,
            metrics,
            kafka_letters: KafkaLetters::default(),
            unfinished: Unfinished::default(),
            refusals: LogLimit::new(REFUSALS_LOGGED, REFUSALS_INTERVAL),
            strangers: LogLimit::new(STRANGERS_LOGGED, STRANGERS_INTERVAL),
            decompressors: Mutex::default(),
            config,
        });
        let stop_admin = CancellationToken::new();
        let admin = AdminServer {
            metrics: gateway.metrics.clone(),
            memory: gateway.memory.clone(),
            ready: {
                Box::new(move || {
                    let questdb = questdb.clone();
                    Box::pin(async move { questdb.ping().await.map_err(|error| error.to_string()) })
                })
            },
            cluster: {
                let gateway = gateway.clone();
                Box::new(move || gateway.cluster())
            },
        };
        let admin = tokio::spawn(admin.serve(admin_listener, stop_admin.clone()));

        let (stop, connections) = (CancellationToken::new(), TaskTracker::new());
        tokio::spawn(gateway.schemas.clone().watch(stop.clone()));
        let stop_drain = CancellationToken::new();
        let drain = gateway
            .spooling
            .clone()
            .map(|spooling| tokio::spawn(drain(gateway.clone(), spooling, stop_drain.clone())));

        let limits = &gateway.config.limits;
        let admission = Admission::new(limits.connections, limits.connections_per_address);
        if let Some((listener, address)) = pandaproxy_listener {
            let router = pandaproxy::router(gateway.clone(), connections.clone());
            let (gateway, stop, tracker) = (gateway.clone(), stop.clone(), connections.clone());
            let admission = admission.clone();
            connections.spawn(http_listener::listen(listener, router, gateway, admission, stop, tracker));
            tracing::info!(pandaproxy = %address, "taking records over HTTP, too");
        }
        let listener =
            tokio::spawn(listen(listener, gateway.clone(), admission, stop.clone(), connections.clone()));
        tracing::info!(kafka = %local_addr, admin = %admin_addr, "quafka {} is listening", env!("CARGO_PKG_VERSION"));
        Ok(Self {
            gateway,
            local_addr,
            admin_addr,
            stop,
            stop_admin,
            connections,
            listener,
            stop_drain,
            drain,
            admin,
        })
    }

    /// Where Kafka clients connect.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Where metrics and health are.
    pub fn admin_addr(&self) -> SocketAddr {
        self.admin_addr
    }

    /// Record batches that wait in the spool.
    pub fn spooled_batches(&self) -> u64 {
        self.gateway.spooling.as_ref().map_or(0, |spooling| spooling.batches())
    }

    /// Takes no more requests and finishes those in flight; false where that took too long and some were given up.
    pub async fn shutdown(self) -> bool {
        let deadline = tokio::time::Instant::now() + SHUTDOWN_DEADLINE;
        self.stop.cancel();
        self.connections.close();
        let _ = self.listener.await;
        let finished = tokio::time::timeout_at(deadline, self.connections.wait()).await.is_ok();
        if !finished {
            tracing::error!(
                connections = self.connections.len(),
                "shutdown took more than {} s; what was in flight was not acknowledged",
                SHUTDOWN_DEADLINE.as_secs()
            );
        }
        self.stop_drain.cancel();
        if let Some(drain) = self.drain {
            let _ = tokio::time::timeout_at(deadline, drain).await;
        }
        self.gateway.sink.close(deadline.into_std()).await;
        self.stop_admin.cancel();
        let _ = self.admin.await;
        finished
    }
}

/// The list of requests that are under way, and what QuestDB says of those of lives before.
async fn requests_before(
    config: &Config,
    questdb: &QuestDb,
) -> Result<(Option<RequestJournal>, Written), StartError> {
    let (Some(data_dir), true) = (&config.data_dir, config.questdb.exactly_once) else {
        return Ok((None, Written::default()));
    };
    let recovered = sink::recover(data_dir, questdb)
        .await
        .map_err(|source| NumbersError::Io { path: data_dir.clone(), source })?;
    Ok((Some(recovered.journal), Written::read(&recovered.written)))
}

fn spooling(
    config: &Config,
    metrics: &Metrics,
    history: &mut History,
    written: &Written,
) -> Result<Option<Arc<Spooling>>, StartError> {
    let Some(data_dir) = &config.data_dir else { return Ok(None) };
    let spool_metrics = SpoolMetrics::default();
    metrics.extend(|registry| spool_metrics.register(registry));
    let spooling =
        Spooling::open(data_dir, config.durability, &config.spool, spool_metrics, history, written)
            .map_err(|source| StartError::Spool { folder: data_dir.join(Spooling::FOLDER), source })?;
    Ok(spooling.map(Arc::new))
}

async fn bind(key: &'static str, address: &HostPort) -> Result<(TcpListener, SocketAddr), StartError> {
    let bind = async {
        let listener = TcpListener::bind((address.host.as_str(), address.port)).await?;
        let local = listener.local_addr()?;
        Ok((listener, local))
    };
    bind.await.map_err(|source| StartError::Listen { key, address: address.clone(), source })
}
