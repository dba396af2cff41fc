//! `quafka spool`: what waits on disk for QuestDB.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, UNIX_EPOCH};

use clap::{Args, Subcommand};
use quafka::api::Spooling;
use quafka::config::{HostPort, Loaded};
use quafka::server::Server;
use quafka::spool::{OnDisk, Recovered, Spool};

use super::Settings;

/// How often it is looked whether the spool is empty, and how often that is told.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
const TELL_INTERVAL: Duration = Duration::from_secs(5);

/// What is to be done with the spool.
#[derive(Debug, Args)]
pub struct SpoolCommand {
    #[command(subcommand)]
    pub action: Action,
}

#[derive(Debug, Subcommand)]
pub enum Action {
    /// Tell which batches wait, by topic and partition; also while the gateway runs
    Ls(Settings),
    /// Read all that waits and tell what is damaged; exits with 1 where something is lost
    Verify(Settings),
    /// Write all that waits to QuestDB and end; the gateway must not run
    Drain(Settings),
}

impl SpoolCommand {
    pub fn settings(&self) -> &Settings {
        match &self.action {
            Action::Ls(settings) | Action::Verify(settings) | Action::Drain(settings) => settings,
        }
    }

    pub fn settings_mut(&mut self) -> &mut Settings {
        match &mut self.action {
            Action::Ls(settings) | Action::Verify(settings) | Action::Drain(settings) => settings,
        }
    }
}

/// Batches of a partition.
#[derive(Default)]
struct Waiting {
    batches: u64,
    bytes: usize,
    oldest_ms: i64,
}

pub async fn run(command: &SpoolCommand, loaded: Loaded) -> ExitCode {
    let done = match &command.action {
        Action::Ls(_) => list(&loaded),
        Action::Verify(_) => verify(&loaded),
        Action::Drain(_) => drain(loaded).await,
    };
    done.unwrap_or_else(|complaint| {
        eprintln!("{complaint}");
        ExitCode::FAILURE
    })
}

fn list(loaded: &Loaded) -> Result<ExitCode, String> {
    let mut partitions: BTreeMap<(String, i32), Waiting> = BTreeMap::new();
    let recovered = look(loaded, |topic, partition, bytes, arrival_ms| {
        let waiting = partitions.entry((topic.to_owned(), partition)).or_default();
        if waiting.batches == 0 {
            waiting.oldest_ms = arrival_ms;
        }
        waiting.batches += 1;
        waiting.bytes += bytes;
    })?;
    println!("{:<40} {:>9} {:>10} {:>14}  oldest", "topic", "partition", "batches", "bytes");
    for ((topic, partition), Waiting { batches, bytes, oldest_ms }) in &partitions {
        let oldest = UNIX_EPOCH + Duration::from_millis(oldest_ms.unsigned_abs());
        let oldest = humantime::format_rfc3339_seconds(oldest);
        println!("{topic:<40} {partition:>9} {batches:>10} {bytes:>14}  {oldest}");
    }
    println!("{} batches wait", recovered.entries);
    Ok(ExitCode::SUCCESS)
}

fn verify(loaded: &Loaded) -> Result<ExitCode, String> {
    let recovered = look(loaded, |_, _, _, _| {})?;
    if let Some(fault) = recovered.checkpoint {
        println!("{fault}");
    }
    for damage in &recovered.damages {
        println!("{damage}");
    }
    let lost: u64 = recovered.damages.iter().map(|damage| damage.entries.end - damage.entries.start).sum();
    println!("{} batches wait, {lost} are lost", recovered.entries);
    let sound = lost == 0 && recovered.checkpoint.is_none();
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn look(loaded: &Loaded, mut each: impl FnMut(&str, i32, usize, i64)) -> Result<Recovered, String> {
    let Some(data_dir) = &loaded.config.data_dir else {
        let reason = "is not set: without it there is no spool";
        return Err(loaded.error("data_dir", reason).to_string());
    };
    let path = data_dir.join(Spooling::FOLDER);
    let complaint = |error| format!("{}: {error}", path.display());
    let folder = OnDisk::look(&path).map_err(complaint)?;
    Spool::look(&folder, |entry| {
        each(&entry.head.topic, entry.head.partition, entry.batch.len(), entry.head.arrival_ms);
    })
    .map_err(complaint)
}

/// Runs a gateway that nobody can reach until the spool is empty.
async fn drain(loaded: Loaded) -> Result<ExitCode, String> {
    let mut config = loaded.config;
    let nowhere = HostPort { host: "127.0.0.1".to_owned(), port: 0 };
    (config.listen, config.admin, config.pandaproxy) = (nowhere.clone(), nowhere, None);
    let server = Server::start(config).await.map_err(|error| error.to_string())?;
    let mut told = None;
    let drained = loop {
        let waiting = server.spooled_batches();
        if waiting == 0 {
            break true;
        }
        if told.is_none_or(|told: std::time::Instant| told.elapsed() >= TELL_INTERVAL) {
            eprintln!("{waiting} batches wait");
            told = Some(std::time::Instant::now());
        }
        tokio::select! {
            _ = tokio::signal::ctrl_c() => break false,
            () = tokio::time::sleep(LOOK_INTERVAL) => {}
        }
    };
    let clean = server.shutdown().await;
    if drained {
        println!("the spool is empty");
    }
    Ok(if drained && clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
