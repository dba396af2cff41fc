//! `quafka demo`: a QuestDB, the gateway and a producer, on one screen.

pub mod child;
mod figures;
mod gateway;
pub mod java;
pub mod maven;
pub mod questdb_server;
mod screen;
pub mod trades;
mod traffic;
mod visible;
mod watch;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

pub use traffic::latencies;

use crate::config::{Config, HostPort};
use crate::questdb::{ConfError, QuestDb, QuestDbError, Scheme};
use crate::server::Server;
use figures::Figures;
use questdb_server::{QuestDbServer, StartError};
use screen::{Header, Screen};
use traffic::Tally;
use visible::VisibleRows;
use watch::Watch;

/// What `quafka demo` runs with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where Kafka clients connect.
    pub listen: HostPort,
    /// Metrics and health; where absent, the usual address, or a free port where that is taken.
    pub admin: Option<HostPort>,
    /// The configuration string of a QuestDB that runs already; where absent, one is started.
    pub questdb: Option<String>,
    /// Records a second.
    pub rate: u64,
    /// How long to run; where absent, until Ctrl-C.
    pub run_for: Option<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        Self { listen: Config::default().listen, admin: None, questdb: None, rate: 50_000, run_for: None }
    }
}

/// Why the demo does not run, or did not do what it shows.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// No QuestDB could be started.
    #[error(transparent)]
    QuestDbStart(#[from] StartError),
    /// The given configuration string is wrong.
    #[error("--questdb: {0}")]
    Conf(#[from] ConfError),
    /// The given QuestDB does not answer.
    #[error("--questdb: {address} does not answer: {error}")]
    QuestDb {
        /// Host and port.
        address: String,
        /// What it said instead.
        error: QuestDbError,
    },
    /// Something else listens where the gateway should.
    #[error(
        "{listen} is taken by another process, perhaps a Kafka broker. Choose another address, such as: quafka demo --listen {next}"
    )]
    Taken {
        /// The address.
        listen: HostPort,
        /// One that may be free.
        next: HostPort,
    },
    /// The gateway did not start.
    #[error("cannot start the gateway: {0}")]
    Gateway(#[from] crate::server::StartError),
    /// There is no free port for the gateway's metrics.
    #[error("no port is free for metrics: {0}")]
    AdminPort(std::io::Error),
    /// It ran, and rows are missing.
    #[error("{0} of the rows that were sent are not in QuestDB{1}")]
    Missing(u64, String),
}

/// The topic, and so the table, in the demo's own QuestDB.
const TOPIC: &str = "trades";
/// In somebody's QuestDB, a name that is hardly theirs.
const TOPIC_ELSEWHERE: &str = "quafka_demo_trades";
/// The web console's usual port.
const CONSOLE_PORT: u16 = 9000;
/// How often the screen changes.
const UPDATE: Duration = Duration::from_millis(250);
/// How long the last rows may take to be acknowledged and to become visible.
const SETTLE: Duration = Duration::from_secs(15);

/// Runs the demo until its time is over, or until SIGINT or SIGTERM; whatever it started has ended then. A second
/// signal ends it at once.
///
/// # Errors
/// When something cannot be started, or rows that were sent are missing in the end.
pub async fn run(options: Options) -> Result<(), DemoError> {
    let interrupts = CancellationToken::new();
    let impatience = CancellationToken::new();
    let signals = tokio::spawn(watch_signals(interrupts.clone(), impatience.clone()));
    // What is dropped half-way ends its own children.
    let done = impatience.run_until_cancelled(run_until(options, interrupts)).await;
    signals.abort();
    done.unwrap_or(Ok(()))
}

async fn watch_signals(first: CancellationToken, second: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    for token in [first, second] {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        token.cancel();
    }
}

async fn run_until(options: Options, stop: CancellationToken) -> Result<(), DemoError> {
    gateway::check_listen(&options.listen)?;
    let mut screen = Screen::new();
    let Some(database) = stop.run_until_cancelled(Database::open(&options, &mut screen)).await else {
        return Ok(());
    };
    let mut database = database?;
    let config = gateway::config(&options, &database.conf, database.topic)?;
    let gateway = Server::start(config).await?;
    let address = gateway.local_addr().to_string();
    screen.show_header(&Header {
        gateway: address.clone(),
        console: database.console.clone(),
        topic: database.topic.to_owned(),
    });
    let done = produce(&options, address, &mut database, &mut screen, &stop).await;
    gateway.shutdown().await;
    if let Some(server) = database.server
        && let Err(error) = server.stop().await
    {
        tracing::warn!(%error, "QuestDB did not stop in order");
    }
    done
}

/// The QuestDB that the demo shows.
struct Database {
    conf: String,
    topic: &'static str,
    console: String,
    visible: VisibleRows,
    /// The one that the demo started.
    server: Option<QuestDbServer>,
}

impl Database {
    async fn open(options: &Options, screen: &mut Screen) -> Result<Self, DemoError> {
        let (conf, topic, server) = match &options.questdb {
            Some(conf) => (conf.clone(), TOPIC_ELSEWHERE, None),
            None => {
                screen.say("Starting QuestDB; the first time, Maven fetches it. This takes some seconds.");
                let options =
                    questdb_server::Options { preferred_port: Some(CONSOLE_PORT), ..Default::default() };
                let server = QuestDbServer::start(options).await?;
                (server.http_conf(), TOPIC, Some(server))
            }
        };
        let questdb = QuestDb::from_conf(&conf)?;
        let address = questdb.conf().addr.to_string();
        let scheme = match questdb.conf().scheme {
            Scheme::Http | Scheme::Ws => "http",
            Scheme::Https | Scheme::Wss => "https",
        };
        let console = format!("{scheme}://{address}");
        let visible =
            VisibleRows::new(questdb, topic).await.map_err(|error| DemoError::QuestDb { address, error })?;
        Ok(Self { conf, topic, console, visible, server })
    }
}

/// Sends trades and shows what becomes of them until the time is over, then waits until all have arrived.
async fn produce(
    options: &Options,
    address: String,
    database: &mut Database,
    screen: &mut Screen,
    stop: &CancellationToken,
) -> Result<(), DemoError> {
    let tally = Arc::new(Tally::new());
    let enough = stop.child_token();
    let topic = database.topic.to_owned();
    let producing = tokio::spawn(traffic::run(address, topic, options.rate, tally.clone(), enough.clone()));
    let mut watch = Watch::new(tally);
    let end = options.run_for.map(|run_for| Instant::now() + run_for);
    let mut updates = tokio::time::interval(UPDATE);
    while enough.run_until_cancelled(updates.tick()).await.is_some() {
        screen.show(&watch.look(&mut database.visible).await);
        if end.is_some_and(|end| Instant::now() >= end) {
            enough.cancel();
        }
    }
    let ran_for = watch.running_for();
    // The deadline only matters when the gateway hangs; then some rows have no fate, and are missing below.
    let _ = tokio::time::timeout(SETTLE, producing).await;
    let deadline = Instant::now() + SETTLE;
    let mut last = watch.look(&mut database.visible).await;
    while last.visible.is_none_or(|visible| visible < last.acked) && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(50)).await;
        last = watch.look(&mut database.visible).await;
    }
    last.elapsed = ran_for;
    screen.say(&format!("\n{}", watch.summary(&last)));
    verdict(&last)
}

fn verdict(figures: &Figures) -> Result<(), DemoError> {
    let arrived = figures.visible.unwrap_or(0).min(figures.acked);
    let reason = || figures.last_error.iter().map(|error| format!("; last error: {error}")).collect();
    match figures.sent.saturating_sub(arrived) {
        0 if figures.sent > 0 || figures.last_error.is_none() => Ok(()),
        missing => Err(DemoError::Missing(missing, reason())),
    }
}
