use std::time::{Duration, Instant};

use quafka::demo::questdb_server::{self, Options};
use quafka::questdb::{QuestDb, QuestDbError, quote_literal};
use serde_json::Value;
use tokio::sync::OnceCell;

/// A real QuestDB. It ends with the test process, however that ends.
pub struct QuestDbServer {
    server: questdb_server::QuestDbServer,
}

impl QuestDbServer {
    /// The QuestDB that all tests of this binary share, because a start takes seconds. Each test uses table names
    /// of its own. It is shared as `&`, so no test can kill it for the others.
    pub async fn start() -> &'static Self {
        static SHARED: OnceCell<Result<QuestDbServer, String>> = OnceCell::const_new();
        let shared = SHARED.get_or_init(|| async { Self::try_start(Options::default()).await });
        shared.await.as_ref().unwrap_or_else(|error| panic!("{error}"))
    }

    /// A QuestDB of one's own: to kill, to restart, to pause.
    pub async fn start_own() -> Self {
        Self::start_own_with(Options::default()).await
    }

    /// A QuestDB of one's own, with settings.
    pub async fn start_own_with(options: Options) -> Self {
        Self::try_start(options).await.unwrap_or_else(|error| panic!("{error}"))
    }

    async fn try_start(options: Options) -> Result<Self, String> {
        let server =
            questdb_server::QuestDbServer::start(options).await.map_err(|error| error.to_string())?;
        Ok(Self { server })
    }

    /// The configuration string for the gateway: `http::addr=127.0.0.1:PORT;`.
    pub fn http_conf(&self) -> String {
        self.server.http_conf()
    }

    /// The port of the HTTP server on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.server.id()
    }

    /// All that QuestDB logged since its last start.
    pub fn log(&self) -> String {
        self.server.log()
    }

    /// Where the web console is: `http://127.0.0.1:PORT`.
    pub fn console(&self) -> String {
        self.server.console()
    }

    /// The rows of a query, a list of values each. Panics with QuestDB's reason when it refuses.
    pub async fn sql(&self, query: &str) -> Vec<Vec<Value>> {
        self.try_sql(query).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// The rows of a query, or why there are none.
    pub async fn try_sql(&self, query: &str) -> Result<Vec<Vec<Value>>, QuestDbError> {
        // No connection outlives a call: the tests of a binary run on a runtime each.
        let questdb = QuestDb::from_conf(&self.http_conf()).expect("the conf of our own server is right");
        Ok(questdb.sql(query).await?.rows)
    }

    /// The rows that a SELECT sees in a table; 0 where there is no such table.
    pub async fn count(&self, table: &str) -> u64 {
        match self.try_sql(&format!("SELECT count() FROM {}", quote_literal(table))).await {
            Ok(rows) => rows[0][0].as_u64().unwrap(),
            Err(QuestDbError::Sql { message, .. }) if message.contains("does not exist") => 0,
            Err(error) => panic!("{error}"),
        }
    }

    /// Waits until what was committed to a table has been applied and `rows` rows are visible. Panics when there are
    /// more, and when there are not as many after `patience`.
    pub async fn wait_for_rows(&self, table: &str, rows: u64, patience: Duration) {
        let deadline = Instant::now() + patience;
        loop {
            let applied = self.is_applied(table).await;
            let count = self.count(table).await;
            assert!(count <= rows, "{table} has {count} rows, more than the {rows} expected");
            if applied && count == rows {
                return;
            }
            if Instant::now() > deadline {
                let state = self
                    .try_sql(&format!("SELECT * FROM wal_tables() WHERE name = {}", quote_literal(table)))
                    .await;
                panic!("{table} has {count} rows, not {rows}, after {patience:?}; wal_tables(): {state:?}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Whether all commits to a table are visible; false where there is no such table.
    pub async fn is_applied(&self, table: &str) -> bool {
        let query = format!(
            "SELECT writerTxn >= sequencerTxn FROM wal_tables() WHERE name = {}",
            quote_literal(table)
        );
        self.sql(&query).await.first().is_some_and(|row| row[0] == Value::Bool(true))
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.server.kill().expect("QuestDB can be killed");
    }

    /// Starts it again on the same port and data; kills it before where it still runs.
    pub async fn restart(&mut self) {
        self.server.restart().await.unwrap_or_else(|error| panic!("{error}"));
    }

    /// SIGSTOP: connections stay open, nothing answers. Returns when every thread stands still: on a busy machine one
    /// may go on for long enough to commit something.
    pub fn pause(&mut self) {
        self.server.pause().expect("QuestDB can be paused");
        let threads = format!("/proc/{}/task", self.id());
        let stands_still = || {
            std::fs::read_dir(&threads).unwrap().all(|thread| {
                let stat = std::fs::read_to_string(thread.unwrap().path().join("stat"));
                // A thread that has just ended has none.
                stat.is_ok_and(|stat| stat.rsplit(") ").next().unwrap().starts_with('T'))
            })
        };
        while !stands_still() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// SIGCONT.
    pub fn resume(&mut self) {
        self.server.resume().expect("QuestDB can be resumed");
    }
}
