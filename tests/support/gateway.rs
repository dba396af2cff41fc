use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use quafka::demo::child::OwnedChild;
use quafka::demo::questdb_server::free_port;
use tempfile::TempDir;
use tokio::net::TcpStream;
use toml::{Table, Value};

use super::QuestDbServer;

/// The real `quafka` program, serving on 127.0.0.1. It ends with the test process, however that ends.
pub struct Gateway {
    process: OwnedChild,
    port: u16,
    admin_port: u16,
    /// What its command begins with.
    wrapper: Vec<String>,
    folder: TempDir,
}

impl Gateway {
    /// Starts `quafka serve` with this configuration and waits until it accepts connections. What the configuration
    /// leaves out of `listen`, `admin` and `[questdb] conf` is filled in: free ports, and the given server.
    pub async fn start(config_toml: &str, questdb: &QuestDbServer) -> Self {
        Self::start_with_conf(config_toml, &questdb.http_conf()).await
    }

    /// As [`Gateway::start`], with a QuestDB configuration string, which may lead to no server.
    pub async fn start_with_conf(config_toml: &str, questdb_conf: &str) -> Self {
        Self::start_within(&[], config_toml, questdb_conf).await
    }

    /// As [`Gateway::start_with_conf`], by a command that begins with these words and becomes the gateway in the end.
    pub async fn start_within(wrapper: &[String], config_toml: &str, questdb_conf: &str) -> Self {
        let mut config: Table = config_toml.parse().expect("the test's configuration is TOML");
        let port = listen_port(&mut config, "listen");
        let admin_port = listen_port(&mut config, "admin");
        let questdb = config.entry("questdb").or_insert_with(|| Value::Table(Table::new()));
        let questdb = questdb.as_table_mut().expect("[questdb] is a table");
        questdb.entry("conf").or_insert_with(|| questdb_conf.into());

        let folder = tempfile::Builder::new().prefix("quafka-gateway-").tempdir().unwrap();
        fs::write(folder.path().join("quafka.toml"), config.to_string()).unwrap();
        let process = spawn(wrapper, &folder);
        let mut gateway = Self { process, port, admin_port, wrapper: wrapper.to_vec(), folder };
        gateway.wait_until_it_accepts().await;
        gateway
    }

    /// `127.0.0.1:PORT`, for a producer's `bootstrap.servers`.
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `127.0.0.1:PORT` of metrics and health.
    pub fn admin(&self) -> String {
        format!("127.0.0.1:{}", self.admin_port)
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// A folder of this gateway's own, which stays over restarts.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// All that it printed.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("output.log")).unwrap_or_default()
    }

    /// SIGTERM, and waits until it has ended by itself. Panics when it takes more than 30 s.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.send_sigterm();
        self.wait_for_end(Duration::from_secs(30)).await
    }

    /// SIGTERM.
    pub fn send_sigterm(&self) {
        self.process.signal(Signal::SIGTERM).unwrap();
    }

    /// Waits until it has ended by itself.
    pub async fn wait_for_end(&mut self, patience: Duration) -> ExitStatus {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "no end after SIGTERM; it printed:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
    }

    /// Starts it again with the same configuration and ports; kills it before where it still runs.
    pub async fn restart(&mut self) {
        self.process.kill().unwrap();
        self.process = spawn(&self.wrapper, &self.folder);
        self.wait_until_it_accepts().await;
    }

    async fn wait_until_it_accepts(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                panic!("the gateway ended with {status}; it printed:\n{}", self.log());
            }
            if TcpStream::connect(self.bootstrap()).await.is_ok() {
                return;
            }
            assert!(Instant::now() < deadline, "the gateway does not listen; it printed:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn spawn(wrapper: &[String], folder: &TempDir) -> OwnedChild {
    let quafka = env!("CARGO_BIN_EXE_quafka").to_owned();
    let mut words = wrapper.iter().chain([&quafka]);
    let mut command = Command::new(words.next().unwrap());
    command.args(words);
    command.args(["serve", "--config"]).arg(folder.path().join("quafka.toml")).current_dir(folder.path());
    // A developer's own settings must not change what a test sees.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("QUAFKA_")) {
            command.env_remove(name);
        }
    }
    OwnedChild::spawn(&mut command, &folder.path().join("output.log"), Some(folder.path())).unwrap()
}

/// The port of an address in the configuration, which is set to a free one where absent.
fn listen_port(config: &mut Table, key: &str) -> u16 {
    let address = config
        .entry(key)
        .or_insert_with(|| format!("127.0.0.1:{}", free_port().expect("a port is free")).into());
    let address = address.as_str().expect("an address is text");
    address.rsplit(':').next().unwrap().parse().expect("an address ends with a port")
}
