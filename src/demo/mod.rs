//! `quafka demo`: a QuestDB, the gateway and a producer, on one screen.

pub mod child;
mod figures;
mod gateway;
pub mod java;
pub mod maven;
pub mod producer;
pub mod questdb_server;
mod screen;
pub mod trades;
mod traffic;
mod visible;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

pub use gateway::RunningGateway;
pub use traffic::latencies;

use crate::config::{Config, HostPort};
use crate::questdb::{ConfError, QuestDb, QuestDbError, Scheme};
use figures::Figures;
use questdb_server::{QuestDbServer, StartError};
use screen::{Header, Screen};
use traffic::Tally;
use visible::VisibleRows;

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
    Gateway(String),
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
/// signal ends it at once. `start_gateway` starts the gateway in this process.
///
/// # Errors
/// When something cannot be started, or rows that were sent are missing in the end.
pub async fn run<G: RunningGateway>(
    options: Options,
    start_gateway: impl AsyncFnOnce(Config) -> Result<G, String>,
) -> Result<(), DemoError> {
    let interrupts = CancellationToken::new();
    let impatience = CancellationToken::new();
    let signals = tokio::spawn(watch_signals(interrupts.clone(), impatience.clone()));
    // What is dropped half-way ends its own children.
    let done = impatience.run_until_cancelled(run_until(options, start_gateway, interrupts)).await;
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

async fn run_until<G: RunningGateway>(
    options: Options,
    start_gateway: impl AsyncFnOnce(Config) -> Result<G, String>,
    stop: CancellationToken,
) -> Result<(), DemoError> {
    gateway::check_listen(&options.listen)?;
    let mut screen = Screen::new();
    let Some(database) = stop.run_until_cancelled(Database::open(&options, &mut screen)).await else {
        return Ok(());
    };
    let mut database = database?;
    let config = gateway::config(&options, &database.conf, database.topic)?;
    let gateway = start_gateway(config).await.map_err(DemoError::Gateway)?;
    screen.show_header(&Header {
        gateway: gateway.address(),
        console: database.console.clone(),
        topic: database.topic.to_owned(),
    });
    let done = produce(&options, gateway.address(), &mut database, &mut screen, &stop).await;
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
    let end = options.run_for.map(|run_for| watch.started + run_for);
    let mut updates = tokio::time::interval(UPDATE);
    while enough.run_until_cancelled(updates.tick()).await.is_some() {
        screen.show(&watch.look(&mut database.visible).await);
        if end.is_some_and(|end| Instant::now() >= end) {
            enough.cancel();
        }
    }
    let ran_for = watch.started.elapsed();
    // The deadline only matters when the gateway hangs; then some rows have no fate, and are missing below.
    let _ = tokio::time::timeout(SETTLE, producing).await;
    let deadline = Instant::now() + SETTLE;
    let mut last = watch.look(&mut database.visible).await;
    while last.visible.is_none_or(|visible| visible < last.acked) && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(50)).await;
        last = watch.look(&mut database.visible).await;
    }
    last.elapsed = ran_for;
    screen.say(&format!("\n{}", last.summary()));
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

/// Turns the tally and what QuestDB shows into figures.
struct Watch {
    started: Instant,
    tally: Arc<Tally>,
    /// Acknowledged rows at the last looks, for about two seconds.
    lately: std::collections::VecDeque<(Instant, u64)>,
    /// When QuestDB last showed more rows, and how many these were.
    visible: Option<u64>,
}

impl Watch {
    fn new(tally: Arc<Tally>) -> Self {
        Self { started: Instant::now(), tally, lately: Default::default(), visible: None }
    }

    async fn look(&mut self, visible: &mut VisibleRows) -> Figures {
        let seen = visible.look().await;
        let now = Instant::now();
        let acked = self.tally.acked.load(Ordering::Relaxed);
        self.lately.push_back((now, acked));
        while self.lately.len() > 8 {
            self.lately.pop_front();
        }
        let (then, acked_then) = self.lately.front().copied().unwrap_or((self.started, 0));
        let seconds = now.duration_since(then).as_secs_f64();
        let rows_per_second = if seconds > 0.0 { (acked - acked_then) as f64 / seconds } else { 0.0 };
        let seen = seen.ok();
        // When nothing new comes in, the age of the newest row says nothing about latency.
        let newest_row = seen
            .filter(|seen| self.visible.is_some_and(|rows| seen.rows > rows))
            .and_then(|seen| seen.newest);
        self.visible = seen.map(|seen| seen.rows);
        let quantile =
            |quantile| Duration::from_micros(self.tally.ack_micros.lock().value_at_quantile(quantile));
        Figures {
            elapsed: now.duration_since(self.started),
            sent: self.tally.sent.load(Ordering::Relaxed),
            acked,
            failed: self.tally.failed.load(Ordering::Relaxed),
            visible: self.visible,
            rows_per_second: rows_per_second as u64,
            ack_p50: quantile(0.5),
            ack_p99: quantile(0.99),
            newest_row,
            last_error: self.tally.last_error.lock().as_ref().map(ToString::to_string),
        }
    }
}
