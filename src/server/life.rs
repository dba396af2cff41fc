//! A gateway without its listeners: everything between a connection's byte stream and QuestDB.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{End, serve};
use super::frames::FramesError;
use super::start::StartError;
use crate::api::{Connection, Gateway, SpoolMetrics, Spooling, Unfinished, Written, drain};
use crate::config::{Config, Durability, HostPort};
use crate::dead_letters::KafkaLetters;
use crate::memory::MemoryBudget;
use crate::ops::{Closed, LogLimit, Metrics};
use crate::questdb::{Dial, QuestDb, Tcp};
use crate::registry::Registry;
use crate::rows::TableName;
use crate::schema::Schemas;
use crate::sink::{self, RequestJournal, Sink, SinkMetrics, SinkOptions};
use crate::spool::{Folder, OnDisk};
use crate::topics::{History, Lasting, Numbers, NumbersError, Topics};

/// How long the end of a life waits for what is in flight.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(30);

/// Log lines about batches that were not written, at most, in each interval.
const REFUSALS_LOGGED: u32 = 10;
const REFUSALS_INTERVAL: Duration = Duration::from_secs(10);

/// Log lines about clients that speak another protocol, at most, in each interval: such a client comes again.
const STRANGERS_LOGGED: u32 = 20;
const STRANGERS_INTERVAL: Duration = Duration::from_secs(60);

/// What a gateway stands on: network and disk, unless a test puts something else there.
#[derive(Clone)]
pub struct Ground {
    /// The way to QuestDB.
    pub dial: Arc<dyn Dial>,
    /// Where the spool is; in the data dir where absent.
    pub spool: Option<Arc<dyn Folder>>,
}

impl Default for Ground {
    fn default() -> Self {
        Self { dial: Arc::new(Tcp), spool: None }
    }
}

/// Everything of a gateway that has to be there before it is reachable.
pub struct Prepared {
    config: Config,
    questdb: QuestDb,
    registry: Option<Registry>,
    metrics: Arc<Metrics>,
    numbers: Arc<Numbers>,
    history: History,
    spooling: Option<Arc<Spooling>>,
    sink: Sink,
}

impl Prepared {
    /// Takes the data dir and starts the lanes. QuestDB need not be there yet, except where it has to be asked what has
    /// become of requests of a life before.
    ///
    /// # Errors
    /// Why the gateway cannot start.
    pub async fn new(config: Config, ground: Ground) -> Result<Self, StartError> {
        let numbers = Arc::new(match &config.data_dir {
            Some(folder) => Numbers::open(folder)?,
            None => Numbers::from_clock(SystemTime::now()),
        });
        let questdb = QuestDb::over(ground.dial.clone(), &config.questdb.conf)?;
        let registry =
            config.registry.as_ref().map(Registry::new).transpose().map_err(StartError::Registry)?;
        let metrics = Arc::new(Metrics::new());
        let mut history = match &config.data_dir {
            Some(folder) => {
                History::open(folder).map_err(|source| NumbersError::Io { path: folder.clone(), source })?
            }
            None => History::default(),
        };
        let (journal, written) = requests_before(&config, &questdb).await?;
        written.add_to(&mut history);
        let spooling = spooling(&config, ground, &metrics, &mut history, &written)?;
        let sink_metrics = SinkMetrics::default();
        if let Some(registry) = &registry {
            metrics.extend(|metrics| registry.register(metrics));
        }
        metrics.extend(|registry| sink_metrics.register(registry));
        let options = SinkOptions {
            transport: config.questdb.transport,
            lanes: config.questdb.lanes,
            exactly_once: config.questdb.exactly_once,
            journal,
            ..SinkOptions::default()
        };
        let sink = Sink::start(options, questdb.clone(), sink_metrics).await?;
        Ok(Self { config, questdb, registry, metrics, numbers, history, spooling, sink })
    }

    /// Begins to live. `listening` is the address at which clients are told to connect.
    pub fn begin(self, listening: HostPort) -> Life {
        let Self { config, questdb, registry, metrics, numbers, history, spooling, sink } = self;
        let lasting = Lasting { numbers: numbers.clone(), history: Arc::new(history) };
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
            memory: MemoryBudget::new(config.limits.memory),
            metrics,
            kafka_letters: KafkaLetters::default(),
            unfinished: Unfinished::default(),
            refusals: LogLimit::new(REFUSALS_LOGGED, REFUSALS_INTERVAL),
            strangers: LogLimit::new(STRANGERS_LOGGED, STRANGERS_INTERVAL),
            decompressors: Mutex::default(),
            config,
        });
        let (stop, stop_drain) = (CancellationToken::new(), CancellationToken::new());
        tokio::spawn(gateway.schemas.clone().watch(stop.clone()));
        let drain = gateway
            .spooling
            .clone()
            .map(|spooling| tokio::spawn(drain(gateway.clone(), spooling, stop_drain.clone())));
        Life { gateway, questdb, stop, connections: TaskTracker::new(), stop_drain, drain }
    }
}

/// A gateway from its start to its end.
pub struct Life {
    gateway: Arc<Gateway>,
    questdb: QuestDb,
    /// No new connections and requests.
    stop: CancellationToken,
    connections: TaskTracker,
    /// Nothing more out of the spool.
    stop_drain: CancellationToken,
    drain: Option<JoinHandle<()>>,
}

impl Life {
    /// What its connections share.
    pub fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    /// The QuestDB that it writes to.
    pub fn questdb(&self) -> &QuestDb {
        &self.questdb
    }

    /// Is cancelled when no more connections and requests are taken.
    pub fn stopping(&self) -> &CancellationToken {
        &self.stop
    }

    /// Its connections, whose end is waited for.
    pub fn connections(&self) -> &TaskTracker {
        &self.connections
    }

    /// Serves a connection until either side ends it.
    pub fn attend<S>(&self, stream: S, connection: Connection)
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        self.connections.spawn(attend(stream, connection, self.gateway.clone(), self.stop.clone()));
    }

    /// Takes no more connections and requests.
    pub fn stop(&self) {
        self.stop.cancel();
        self.connections.close();
    }

    /// Finishes what is in flight; false where that took too long and some was given up.
    pub async fn end(self) -> bool {
        let deadline = Instant::now() + SHUTDOWN_DEADLINE;
        self.stop();
        let finished = timeout_at(deadline, self.connections.wait()).await.is_ok();
        if !finished {
            tracing::error!(
                connections = self.connections.len(),
                "shutdown took more than {} s; what was in flight was not acknowledged",
                SHUTDOWN_DEADLINE.as_secs()
            );
        }
        self.stop_drain.cancel();
        if let Some(drain) = self.drain {
            let _ = timeout_at(deadline, drain).await;
        }
        self.gateway.sink.close(deadline).await;
        finished
    }
}

/// Serves a connection, and counts and logs it.
pub(super) async fn attend<S>(
    stream: S,
    connection: Connection,
    gateway: Arc<Gateway>,
    shutdown: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let peer = connection.peer;
    gateway.metrics.connection_opened();
    tracing::debug!(%peer, "connection opened");
    let end = serve(stream, connection, gateway.clone(), shutdown).await;
    gateway.metrics.connection_closed(reason(&end));
    match end {
        End::Client | End::Shutdown => tracing::debug!(%peer, reason = %end, "connection closed"),
        // Such a client comes again and again, until somebody looks at its settings.
        End::Frames(FramesError::Frame(_)) => {
            if let Some(suppressed) = gateway.strangers.let_through() {
                tracing::warn!(%peer, reason = %end, suppressed, "connection closed");
            }
        }
        end => tracing::warn!(%peer, reason = %end, "connection closed"),
    }
}

fn reason(end: &End) -> Closed {
    match end {
        End::Client => Closed::ByClient,
        End::Shutdown => Closed::Shutdown,
        End::Frames(FramesError::Frame(_)) => Closed::NotKafka,
        End::Frames(FramesError::Io(_) | FramesError::Truncated { .. }) | End::Send(_) => Closed::Lost,
        End::Frames(FramesError::Stalled { .. }) | End::NotRead(_) => Closed::Stalled,
        End::Frames(FramesError::Idle { .. }) => Closed::Idle,
        End::Frames(FramesError::Evicted) => Closed::Evicted,
        End::Refusal(_) => Closed::BadRequest,
        End::Failed(_) => Closed::Failed,
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

/// None where there is no spool and none is needed: what an earlier configuration has left there is written in any case.
fn spooling(
    config: &Config,
    ground: Ground,
    metrics: &Metrics,
    history: &mut History,
    written: &Written,
) -> Result<Option<Arc<Spooling>>, StartError> {
    let Some(data_dir) = &config.data_dir else { return Ok(None) };
    let path: PathBuf = data_dir.join(Spooling::FOLDER);
    if config.durability == Durability::Direct && !path.exists() {
        return Ok(None);
    }
    let open = || -> io::Result<Spooling> {
        let folder = match ground.spool {
            Some(folder) => folder,
            None => Arc::new(OnDisk::take(&path)?),
        };
        let spool_metrics = SpoolMetrics::default();
        metrics.extend(|registry| spool_metrics.register(registry));
        Spooling::open(folder, config.durability, &config.spool, spool_metrics, history, written)
    };
    let spooling = open().map_err(|source| StartError::Spool { folder: path.clone(), source })?;
    Ok(Some(Arc::new(spooling)))
}
