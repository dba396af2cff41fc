//! A real QuestDB of one's own: fetched, started on a free loopback port, and ended with its owner.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::child::OwnedChild;
use super::java::{Java, MissingTool, SearchPath, find_java, questdb_flags};
use super::maven::{self, MavenError};
use crate::questdb::QuestDb;

/// The QuestDB that is started: the newest that runs on JDK 17.
pub const QUESTDB: &str = "org.questdb:questdb:9.3.4";

/// How a QuestDB is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the data is kept; where absent, in a temporary folder that goes with the server.
    pub data_dir: Option<PathBuf>,
    /// The port for HTTP that is taken if it is free; else a free one is.
    pub preferred_port: Option<u16>,
    /// Java's `-Xmx`.
    pub heap: String,
    /// More settings, as environment variables such as `QDB_CAIRO_MAX_UNCOMMITTED_ROWS`.
    pub settings: Vec<(String, String)>,
    /// How long it may take until it answers.
    pub start_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            data_dir: None,
            preferred_port: None,
            heap: "1g".to_owned(),
            settings: Vec::new(),
            // About 6 s on an idle machine, many times that on a busy one.
            start_timeout: Duration::from_secs(120),
        }
    }
}

/// Why there is no QuestDB.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No Java that is new enough.
    #[error("cannot start QuestDB: {0}")]
    Java(#[from] MissingTool),
    /// The jar is not to be had.
    #[error("cannot start QuestDB: {0}")]
    Jar(#[from] MavenError),
    /// The data folder, the log file or a process cannot be made.
    #[error("cannot start QuestDB: {what}: {error}")]
    System {
        /// What was being done.
        what: String,
        /// Why it failed.
        error: io::Error,
    },
    /// It ended, or did not answer in time.
    #[error("cannot start QuestDB: {problem}. The end of {}:\n{tail}", log.display())]
    NotReady {
        /// What happened instead.
        problem: String,
        /// Where all of its output is.
        log: PathBuf,
        /// The last lines of the output.
        tail: String,
    },
}

/// A running QuestDB, ended on drop and when this process dies; its temporary folder goes with it.
#[derive(Debug)]
pub struct QuestDbServer {
    process: OwnedChild,
    launch: Launch,
    port: u16,
    // Dropped last, when nothing writes into it any more.
    _scratch: Option<TempDir>,
}

/// What all starts of one server have in common.
#[derive(Debug)]
struct Launch {
    java: Java,
    jar: PathBuf,
    data_dir: PathBuf,
    /// The folder that is removed when this process is killed.
    scratch: Option<PathBuf>,
    options: Options,
}

impl QuestDbServer {
    /// Finds Java and the jar, starts QuestDB and waits until it answers.
    ///
    /// # Errors
    /// Says which of Java and Maven is missing and how to go on, or shows the end of QuestDB's output.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let search = SearchPath::from_environment();
        let found = tokio::task::spawn_blocking(move || {
            Ok::<_, StartError>((find_java(&search)?, maven::jar(QUESTDB, &maven::cache_folder(), &search)?))
        });
        let (java, jar) =
            found.await.map_err(|error| system("looking for Java and Maven")(error.into()))??;
        let scratch = match &options.data_dir {
            Some(_) => None,
            None => Some(
                tempfile::Builder::new()
                    .prefix("quafka-questdb-")
                    .tempdir()
                    .map_err(system("making a temporary folder"))?,
            ),
        };
        let scratch_path = scratch.as_ref().map(|folder| folder.path().to_owned());
        let data_dir = options.data_dir.clone().or(scratch_path.clone()).unwrap_or_default();
        fs::create_dir_all(&data_dir).map_err(system(&format!("making {}", data_dir.display())))?;
        let launch = Launch { java, jar, data_dir, scratch: scratch_path, options };
        let (process, port) = launch.start_on_a_free_port().await?;
        Ok(Self { process, launch, port, _scratch: scratch })
    }

    /// The port of the HTTP server on 127.0.0.1: ILP, SQL and the web console.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The configuration string for QuestDB's clients.
    pub fn http_conf(&self) -> String {
        http_conf(self.port)
    }

    /// Where the web console is.
    pub fn console(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Where data and output are kept.
    pub fn data_dir(&self) -> &Path {
        &self.launch.data_dir
    }

    /// All output so far.
    pub fn log(&self) -> String {
        self.launch.log()
    }

    /// SIGKILL: as by a crash, what QuestDB did not write is lost.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(&mut self) -> io::Result<()> {
        self.process.kill().map(drop)
    }

    /// SIGTERM, then after 10 s SIGKILL.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn stop(mut self) -> io::Result<()> {
        tokio::task::spawn_blocking(move || self.process.terminate(Duration::from_secs(10)).map(drop)).await?
    }

    /// Starts it again on the same port and data, ending it before where it still runs.
    ///
    /// # Errors
    /// As [`QuestDbServer::start`].
    pub async fn restart(&mut self) -> Result<(), StartError> {
        self.process.kill().map_err(system("ending QuestDB"))?;
        self.process = self.launch.start(self.port).await?;
        Ok(())
    }

    /// SIGSTOP: it keeps its connections and answers nothing.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn pause(&self) -> io::Result<()> {
        self.process.signal(Signal::SIGSTOP)
    }

    /// SIGCONT, after [`QuestDbServer::pause`].
    ///
    /// # Errors
    /// When the system refuses.
    pub fn resume(&self) -> io::Result<()> {
        self.process.signal(Signal::SIGCONT)
    }
}

impl Launch {
    /// A free port may be taken by another process before QuestDB binds it, seconds later; then another is tried.
    async fn start_on_a_free_port(&self) -> Result<(OwnedChild, u16), StartError> {
        let mut attempts = 0;
        loop {
            let preferred = self.options.preferred_port.filter(|port| attempts == 0 && is_free(*port));
            let port = match preferred {
                Some(port) => port,
                None => free_port().map_err(system("looking for a free port"))?,
            };
            attempts += 1;
            match self.start(port).await {
                Err(StartError::NotReady { .. }) if attempts < 4 && self.log().contains("could not bind") => {
                }
                result => return result.map(|process| (process, port)),
            }
        }
    }

    async fn start(&self, port: u16) -> Result<OwnedChild, StartError> {
        let log = self.log_file();
        // What an earlier start said must not be taken for what this one says.
        fs::write(&log, "").map_err(system(&format!("writing {}", log.display())))?;
        let mut process = OwnedChild::spawn(&mut self.command(port), &log, self.scratch.as_deref())
            .map_err(system(&format!("running {}", self.java.program.display())))?;
        let deadline = Instant::now() + self.options.start_timeout;
        let http = QuestDb::from_conf(&http_conf(port))
            .map_err(|error| system("connecting")(io::Error::other(error)))?;
        let listening = format!("listening on 127.0.0.1:{port}");
        loop {
            if let Some(status) = process.try_wait().map_err(system("waiting for QuestDB"))? {
                return Err(self.not_ready(format!("it ended with {status}")));
            }
            // The log line shows that it is this server, and no other, that answers on the port.
            if self.log().contains(&listening) && http.ping().await.is_ok() {
                return Ok(process);
            }
            if Instant::now() > deadline {
                let waited = self.options.start_timeout.as_secs();
                return Err(
                    self.not_ready(format!("it does not answer on 127.0.0.1:{port} after {waited} s"))
                );
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn command(&self, port: u16) -> Command {
        let mut command = Command::new(&self.java.program);
        command
            .arg(format!("-Xmx{}", self.options.heap))
            .arg("-XX:+UseParallelGC")
            .args(questdb_flags(self.java.version))
            .arg("-cp")
            .arg(&self.jar)
            .args(["io.questdb.ServerMain", "-d"])
            .arg(&self.data_dir)
            .current_dir(&self.data_dir)
            .env_remove("JAVA_TOOL_OPTIONS")
            .env("QDB_HTTP_BIND_TO", format!("127.0.0.1:{port}"))
            .env("QDB_PG_ENABLED", "false")
            .env("QDB_HTTP_MIN_ENABLED", "false")
            .env("QDB_LINE_TCP_ENABLED", "false")
            .env("QDB_TELEMETRY_ENABLED", "false")
            .env("QDB_SHARED_WORKER_COUNT", "2")
            .envs(self.options.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    fn log_file(&self) -> PathBuf {
        self.data_dir.join("questdb-output.log")
    }

    fn log(&self) -> String {
        fs::read(self.log_file())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    fn not_ready(&self, problem: String) -> StartError {
        StartError::NotReady { problem, log: self.log_file(), tail: maven::tail(&self.log(), 30) }
    }
}

fn system(what: &str) -> impl FnOnce(io::Error) -> StartError + use<> {
    let what = what.to_owned();
    move |error| StartError::System { what, error }
}

fn http_conf(port: u16) -> String {
    format!("http::addr=127.0.0.1:{port};")
}

/// Whether nothing listens on this port of 127.0.0.1.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// A port of 127.0.0.1 on which nothing listens, never the same twice in a process. It lies below the range from
/// which systems number outgoing connections (32768 on Linux, 49152 elsewhere), so that none of those takes it
/// while a server restarts.
///
/// # Errors
/// When no port is free.
pub fn free_port() -> io::Result<u16> {
    const FIRST: u16 = 20_000;
    const COUNT: u16 = 12_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Processes that look at the same time start at different places.
    let start = std::process::id().wrapping_mul(7_919) % u32::from(COUNT);
    for _ in 0..COUNT {
        let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let offset = (start + step) % u32::from(COUNT);
        let port = FIRST + u16::try_from(offset).unwrap_or(0);
        if is_free(port) {
            return Ok(port);
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrNotAvailable, "no port from 20000 to 31999 is free"))
}
