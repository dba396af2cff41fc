//! A QuestDB and the gateway on free loopback ports, for clients that are no Rust tests: `tests/clients/run` and
//! whoever wants to try something by hand.
//!
//! `test_stack QUAFKA_BINARY CONFIG_FILE` prints where they are as one line of JSON, and runs until its standard input
//! is closed. Both servers end with it, however it ends.

use std::error::Error;
use std::io::{Read, Write};
use std::path::{Path, PathBuf, absolute};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use quafka::demo::child::OwnedChild;
use quafka::demo::questdb_server::{Options, QuestDbServer, free_port};
use tempfile::TempDir;
use tokio::net::TcpStream;

/// How long the gateway may take to listen, and to end.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("test_stack: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let [binary, config] = std::env::args()
        .skip(1)
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|given| format!("usage: test_stack QUAFKA_BINARY CONFIG_FILE; given were {given:?}"))?;
    let questdb = QuestDbServer::start(Options::default()).await?;
    let mut gateway = Gateway::start(&absolute(binary)?, &absolute(config)?, &questdb.http_conf()).await?;
    let addresses = serde_json::json!({
        "kafka": gateway.kafka,
        "admin": gateway.admin,
        "questdb": questdb.console(),
        "gateway_pid": gateway.process.id(),
        "questdb_pid": questdb.id(),
        "gateway_log": gateway.log,
    });
    println!("{addresses}");
    std::io::stdout().flush()?;
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    gateway.stop()?;
    questdb.stop().await?;
    Ok(())
}

struct Gateway {
    process: OwnedChild,
    kafka: String,
    admin: String,
    log: PathBuf,
    // Dropped last, when nothing writes into it any more.
    _scratch: TempDir,
}

impl Gateway {
    async fn start(binary: &Path, config: &Path, questdb_conf: &str) -> Result<Self, Box<dyn Error>> {
        let scratch = tempfile::Builder::new().prefix("quafka-gateway-").tempdir()?;
        let log = scratch.path().join("output.log");
        let [kafka, admin] = [free_port()?, free_port()?].map(|port| format!("127.0.0.1:{port}"));
        let mut command = Command::new(binary);
        command
            .args(["serve", "--listen", &kafka, "--admin", &admin, "--questdb", questdb_conf, "--config"])
            .arg(config)
            .arg("--data-dir")
            .arg(scratch.path().join("data"))
            .current_dir(scratch.path());
        let process = OwnedChild::spawn(&mut command, &log, Some(scratch.path()))
            .map_err(|error| format!("{}: {error}", binary.display()))?;
        let mut gateway = Self { process, kafka, admin, log, _scratch: scratch };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(&gateway.kafka).await.is_err() {
            if let Some(status) = gateway.process.try_wait()? {
                return Err(format!("the gateway ended with {status}:\n{}", gateway.output()).into());
            }
            if Instant::now() > deadline {
                return Err(format!("the gateway does not listen:\n{}", gateway.output()).into());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(gateway)
    }

    /// SIGTERM; an end that is not clean is an error.
    fn stop(&mut self) -> Result<(), Box<dyn Error>> {
        let status = self.process.terminate(PATIENCE)?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("on SIGTERM, the gateway ended with {status}:\n{}", self.output()).into())
        }
    }

    fn output(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}
