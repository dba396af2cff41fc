//! `quafka check`: what `serve` would run with, and whether it can write to QuestDB.

use std::process::ExitCode;
use std::time::Duration;

use quafka::config::{Loaded, Origin};
use quafka::mapping::check_topics;
use quafka::questdb::{QuestDb, QuestDbError};
use quafka::registry::Registry;

/// Longer than any QuestDB that is well takes.
const REACH_TIMEOUT: Duration = Duration::from_secs(10);

/// Prints the effective configuration to stdout, as a TOML file, and what QuestDB says to a visit.
pub async fn run(loaded: &Loaded) -> ExitCode {
    println!("{loaded}");
    match check(loaded).await {
        Ok(version) => {
            println!("# QuestDB {version} answers. All is well.");
            ExitCode::SUCCESS
        }
        Err(complaint) => {
            eprintln!("{complaint}");
            ExitCode::FAILURE
        }
    }
}

/// QuestDB's version, or the first thing that is wrong, with its key and where that was given.
async fn check(loaded: &Loaded) -> Result<String, String> {
    let complaint = |key: &str, reason: String| loaded.error(key, reason).to_string();
    topics(loaded)?;
    let conf = "questdb.conf";
    let questdb = QuestDb::from_conf(&loaded.config.questdb.conf)
        .map_err(|error| complaint(conf, error.to_string()))?;
    for warning in &questdb.conf().warnings {
        println!("# {conf}: {warning}");
    }
    let visit = tokio::time::timeout(REACH_TIMEOUT, visit(&questdb)).await;
    let answer = visit.unwrap_or_else(|_| Err(format!("no answer within {} s", REACH_TIMEOUT.as_secs())));
    let version = answer.map_err(|reason| complaint(conf, format!("cannot reach QuestDB: {reason}")))?;
    registry(loaded).await?;
    Ok(version)
}

/// Checks what the settings of topics say about their records: formats, transforms, tables' names.
pub fn topics(loaded: &Loaded) -> Result<(), String> {
    let topics = &loaded.config.topics;
    check_topics(topics).map_err(|(topic, error)| {
        let key_of = |pattern: &str| format!("topics.\"{pattern}\".{}", error.key());
        // The setting may be from a less specific pattern.
        let given = |key: &String| loaded.origin(key) != Origin::Default;
        let key = topics.covering(&topic).map(|(pattern, _)| key_of(pattern.as_str())).find(given);
        loaded.error(&key.unwrap_or_else(|| key_of(&topic)), error.reason()).to_string()
    })
}

/// Asks the schema registry whether it answers, where there is one.
async fn registry(loaded: &Loaded) -> Result<(), String> {
    let Some(config) = &loaded.config.registry else { return Ok(()) };
    let complaint = |reason: String| loaded.error("registry.urls", reason).to_string();
    let registry = Registry::new(config).map_err(complaint)?;
    let visit = tokio::time::timeout(REACH_TIMEOUT, registry.visit()).await;
    let answer = visit.map_err(|_| complaint(format!("no answer within {} s", REACH_TIMEOUT.as_secs())))?;
    answer.map_err(|error| complaint(error.to_string()))?;
    println!("# The schema registry answers.");
    Ok(())
}

/// Asks for the version, and whether the credentials are good: the version is told to anybody.
async fn visit(questdb: &QuestDb) -> Result<String, String> {
    let says = |error: QuestDbError| error.to_string();
    let settings = questdb.settings().await.map_err(says)?;
    questdb.sql("select 1").await.map_err(says)?;
    Ok(settings.version.unwrap_or_else(|| "of an unknown version".to_owned()))
}
