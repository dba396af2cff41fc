//! One fault: a gateway under load, what happens to it, and what is counted afterwards.

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::check::{Expected, Found, applied, check, is_able_to_fail};
use crate::load::{Book, Kind, Load, Setup};
use crate::support::{Gateway, Proxy, QuestDbServer, until};

pub const PATIENCE: Duration = Duration::from_secs(120);
/// What every producer must have had acknowledged before the first fault and between two: some seconds' work.
const ROWS_BETWEEN: i32 = 2_000;
/// A batch.
const ROWS_AGAIN: i32 = 20;

/// When a batch counts as taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `durability = "direct"` without a data dir.
    Direct,
    /// The same with one.
    DirectKept,
    /// The same with `questdb.exactly_once`: nothing may be doubled.
    ExactlyOnce,
    /// `durability = "overflow"`.
    Overflow,
    /// `durability = "spool"`.
    Spool,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Direct => "direct",
            Self::DirectKept => "direct, with `data_dir`",
            Self::ExactlyOnce => "direct, with `exactly_once`",
            Self::Overflow => "overflow",
            Self::Spool => "spool",
        })
    }
}

impl Mode {
    pub fn spools(self) -> bool {
        matches!(self, Self::Overflow | Self::Spool)
    }

    fn config(self, data_dir: &str, more: &str) -> String {
        let durability = match self {
            Self::Direct => return more.to_owned(),
            Self::DirectKept | Self::ExactlyOnce => "direct",
            Self::Overflow => "overflow",
            Self::Spool => "spool",
        };
        let exactly_once = self == Self::ExactlyOnce;
        format!(
            "data_dir = {data_dir:?}\ndurability = \"{durability}\"\n{more}[questdb]\nexactly_once = {exactly_once}\n"
        )
    }
}

/// A row of the table.
#[derive(Debug)]
pub struct Row {
    pub fault: &'static str,
    pub how: &'static str,
    pub mode: String,
    pub runs: u32,
    pub acked: u64,
    pub lost: u64,
    pub doubled: u64,
    pub recovery: Duration,
    pub controls: Vec<String>,
}

/// What is to be tried.
pub struct Case {
    pub fault: &'static str,
    pub how: &'static str,
    pub mode: Mode,
    /// How often it happens.
    pub runs: u32,
    /// The producer that has to come to harm.
    pub control: Option<Kind>,
    /// More of the gateway's configuration.
    pub config: &'static str,
    pub pace: Option<Duration>,
    pub padding: usize,
    /// Between the gateway and QuestDB.
    pub before_questdb: bool,
    /// Between the producers and the gateway.
    pub before_gateway: bool,
    /// Put before the gateway's command.
    pub wrapper: Vec<String>,
    /// Where the data dir is, if not in a new folder.
    pub data_dir: Option<PathBuf>,
}

impl Case {
    pub fn new(fault: &'static str, how: &'static str, mode: Mode, runs: u32) -> Self {
        Self {
            fault,
            how,
            mode,
            runs,
            control: None,
            config: "",
            pace: None,
            padding: 0,
            before_questdb: false,
            before_gateway: false,
            wrapper: Vec::new(),
            data_dir: None,
        }
    }

    /// A producer that takes sending for acknowledgement has to lose rows.
    pub fn hasty(self) -> Self {
        Self { control: Some(Kind::Hasty), ..self }
    }
}

/// Where it happens.
pub struct Site<'a> {
    pub questdb: &'a mut QuestDbServer,
    pub gateway: Gateway,
    pub load: Load,
    pub control: Option<Load>,
    pub proxy: Option<Proxy>,
    pub table: String,
    pub mode: Mode,
    /// The first row of each producer that has to be there.
    pub from: Vec<i32>,
    folder: TempDir,
    /// What the fault itself has to tell.
    pub notes: Vec<String>,
}

impl<'a> Site<'a> {
    pub async fn start(questdb: &'a mut QuestDbServer, case: &Case, table: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("quafka-faults-").tempdir().unwrap();
        let data_dir = case.data_dir.clone().unwrap_or_else(|| folder.path().join("data"));
        let config = case.mode.config(&data_dir.display().to_string(), case.config);
        let mut proxy = None;
        let conf = if case.before_questdb {
            let before = Proxy::before(questdb.port(), b"POST /write").await;
            let conf = format!("http::addr={};", before.address());
            proxy = Some(before);
            conf
        } else {
            questdb.http_conf()
        };
        let gateway = Gateway::start_within(&case.wrapper, &config, &conf).await;
        let mut bootstrap = gateway.bootstrap();
        if case.before_gateway {
            let port = bootstrap.rsplit(':').next().unwrap().parse().unwrap();
            let before = Proxy::before(port, b"").await;
            bootstrap = before.address();
            proxy = Some(before);
        }
        let setup = Setup { pace: case.pace, padding: case.padding, ..Setup::new(bootstrap, table) };
        let load = Load::start(&setup);
        let control = case.control.map(|kind| {
            let mut control = setup.control(kind);
            if kind == Kind::Hasty {
                // Impatient as well: what QuestDB does not take soon is not waited for.
                control.timeout_ms = 1_000;
            }
            Load::start(&control)
        });
        let (table, mode) = (table.to_owned(), case.mode);
        Self {
            questdb,
            gateway,
            load,
            control,
            proxy,
            table,
            mode,
            from: Vec::new(),
            folder,
            notes: Vec::new(),
        }
    }

    /// The folder that holds the gateway's data dir.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Waits until the impatient control has come to harm: what it sent meanwhile was sent to nobody.
    pub async fn control_is_harmed(&self) {
        if let Some(control) = &self.control {
            control.progress(200, PATIENCE).await;
        }
    }

    /// How long it takes from now on until every producer has had a batch acknowledged, and what waits in the spool
    /// now is written.
    pub async fn recovered(&self) -> Duration {
        let started = Instant::now();
        let acked = self.load.progress(ROWS_AGAIN, PATIENCE);
        if self.mode.spools() {
            let waiting = self.gateway.sample("quafka_spool_batches").await;
            let drained = self.gateway.sample("quafka_spool_drained_total").await;
            acked.await;
            until("what waits in the spool is written", PATIENCE, async || {
                self.gateway.sample("quafka_spool_drained_total").await >= drained + waiting
                    || self.gateway.sample("quafka_spool_batches").await == 0
            })
            .await;
        } else {
            acked.await;
        }
        started.elapsed()
    }

    /// Ends the load and counts.
    async fn finish(self, case: &Case, recovery: Duration) -> Row {
        let books = self.load.stop().await;
        let control_books = match self.control {
            Some(control) => Some(control.stop().await),
            None => None,
        };
        if self.mode.spools() {
            until("the spool is empty", PATIENCE, async || {
                self.gateway.sample("quafka_spool_batches").await == 0
            })
            .await;
        }
        applied(self.questdb, &self.table).await;
        let (table, from, spooled) = (&*self.table, &*self.from, self.mode.spools());
        let expected = Expected { table, books: &books, from, spooled };
        let mut found = check(self.questdb, expected).await;
        found.wrong.truncate(10);
        assert!(found.is_right(), "{found:?}\nthe gateway printed:\n{}", tail(&self.gateway.log()));
        assert!(self.mode != Mode::ExactlyOnce || found.doubled == 0, "{found:?}");
        let mut controls = self.notes;
        if !from.is_empty() {
            let all = check(self.questdb, Expected { from: &[], ..expected }).await;
            assert!(all.lost > 0, "nothing was taken away: {all:?}");
            controls.push(format!("rows before that counted, too: {} lost", all.lost));
        }
        if let (Some(kind), Some(books)) = (case.control, control_books) {
            let table = format!("{}_{}", self.table, format!("{kind:?}").to_lowercase());
            controls.push(control(self.questdb, kind, &table, &books).await);
        }
        controls.push(is_able_to_fail(self.questdb, expected, &found).await);
        let Found { acked, lost, doubled, .. } = found;
        let (fault, how, runs) = (case.fault, case.how, case.runs);
        Row { fault, how, mode: case.mode.to_string(), runs, acked, lost, doubled, recovery, controls }
    }
}

impl Site<'_> {
    /// Ends the load where something was taken away that was acknowledged. Panics where nothing is lost.
    pub async fn lost_as_it_had_to(self, case: &Case, recovery: Duration) -> Row {
        let books = self.load.stop().await;
        until("the spool is empty", PATIENCE, async || {
            self.gateway.sample("quafka_spool_batches").await == 0
        })
        .await;
        applied(self.questdb, &self.table).await;
        let expected = Expected { table: &self.table, books: &books, from: &[], spooled: true };
        let Found { acked, lost, doubled, .. } = check(self.questdb, expected).await;
        assert!(lost > 0, "nothing was lost without the spool");
        let (fault, how, runs) = (case.fault, case.how, case.runs);
        let controls = vec!["is one".to_owned()];
        Row { fault, how, mode: case.mode.to_string(), runs, acked, lost, doubled, recovery, controls }
    }
}

/// What has become of the producer that is there to come to harm.
async fn control(questdb: &QuestDbServer, kind: Kind, table: &str, books: &[Book]) -> String {
    applied(questdb, table).await;
    let found = check(questdb, Expected { table, books, from: &[], spooled: true }).await;
    if kind == Kind::Hasty {
        assert!(
            found.lost > 0,
            "a producer that takes sending for acknowledgement has lost nothing: {found:?}"
        );
        format!("sending taken for acknowledgement: {} lost", found.lost)
    } else {
        assert!(found.doubled > 0, "a producer without idempotence has doubled nothing: {found:?}");
        format!("a producer without idempotence: {} doubled", found.doubled)
    }
}

/// Lets it happen, as often as it is to.
pub async fn run(
    questdb: &mut QuestDbServer,
    table: &str,
    case: Case,
    mut inject: impl AsyncFnMut(&mut Site<'_>),
) -> Row {
    let mut site = Site::start(questdb, &case, table).await;
    let mut recovery = Duration::ZERO;
    for _ in 0..case.runs {
        site.load.progress(ROWS_BETWEEN, PATIENCE).await;
        inject(&mut site).await;
        recovery = recovery.max(site.recovered().await);
    }
    site.finish(&case, recovery).await
}

fn tail(log: &str) -> String {
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}
