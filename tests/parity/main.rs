//! Held to QuestDB's own Kafka connector: what it was seen to make of records, quafka makes of them, too; where not on
//! purpose, as `differences.toml` says. See README.md beside this file.
//!
//! `QUAFKA_PARITY=text` runs the cases whose names have the text in them.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod case;
mod differences;
mod exact;
#[path = "../support/mod.rs"]
mod support;
mod tables;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use quafka::config::{self, OnError, Overrides};
use quafka::demo::questdb_server::Options;
use quafka::questdb::QuestDb;
use rskafka::chrono::{DateTime, Utc};
use rskafka::client::error::{Error, ProtocolError};
use rskafka::client::partition::{Compression, UnknownTopicHandling};
use rskafka::client::{Client, ClientBuilder};
use rskafka::record::Record;
use support::{Gateway, QuestDbServer, until};
use tokio::io::AsyncWriteExt;

use case::{Case, CaseRecord, Outcome, TaskState};
use differences::Difference;

/// Cases at a time.
const AT_ONCE: usize = 8;

const PATIENCE: Duration = Duration::from_secs(60);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity")
}

/// A case and what became of it so far.
struct Run {
    case: Case,
    /// As the importer printed it; Err: why it refused.
    config: Result<toml::Table, String>,
    /// The records that were refused or set aside. Err: why the run is worth nothing.
    bad: Result<Option<Vec<usize>>, String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_connector_makes_of_records() {
    let differences = differences::read(&folder().join("differences.toml"));
    let cases = selected_cases(&differences);
    let questdb = &QuestDbServer::start_own_with(for_many_small_tables()).await;

    let mut runs: Vec<Run> = stream::iter(cases)
        .map(|case| async {
            let config = import(&case).await;
            Run { case, config, bad: Ok(None) }
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    runs.sort_by(|a, b| a.case.name.cmp(&b.case.name));
    let gateway = Gateway::start(&config_of_all(&runs), questdb).await;
    let client = Arc::new(ClientBuilder::new(vec![gateway.bootstrap()]).build().await.unwrap());

    runs = stream::iter(runs)
        .map(|mut run| {
            let (client, differences) = (client.clone(), &differences);
            async move {
                if let Ok(config) = &run.config {
                    prepare(&run.case, questdb).await;
                    let on_error = on_error(&run.case, config);
                    let difference = differences.get(&run.case.name);
                    // So that the refused ones do not take their neighbours with them.
                    let alone = run.case.task_state == TaskState::Failed
                        || difference.is_some_and(Difference::has_bad_records);
                    let alone = alone && on_error == OnError::Reject;
                    let produced = produce(&run.case, on_error, alone, &client);
                    let produced = tokio::time::timeout(PATIENCE, produced).await;
                    run.bad = produced.unwrap_or_else(|_| Err("producing takes too long".to_owned()));
                }
                run
            }
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    runs.sort_by(|a, b| a.case.name.cmp(&b.case.name));
    until("all that was committed can be seen", PATIENCE, async || {
        let behind = "SELECT count() FROM wal_tables() WHERE writerTxn < sequencerTxn AND NOT suspended";
        questdb.sql(behind).await[0][0] == 0
    })
    .await;

    let mut connection = QuestDb::from_conf(&questdb.http_conf()).unwrap().connection();
    let mut report = Report::default();
    let log = gateway.log();
    for run in &mut runs {
        let found = found(run, &mut connection).await;
        report.add(run, differences.get(&run.case.name), found, &log);
    }
    println!("{}", report.summary());
    assert!(report.failures.is_empty(), "\n{}\n{}", report.failures.join("\n"), report.summary());
}

/// QuestDB takes disk for each column of each table in pages of up to 16 MiB: gigabytes for hundreds of tables.
fn for_many_small_tables() -> Options {
    let pages = [
        "WRITER_DATA",
        "WAL_WRITER_DATA",
        "SYSTEM_WRITER_DATA",
        "WRITER_DATA_INDEX_VALUE",
        "WRITER_DATA_INDEX_KEY",
    ];
    let setting = |of: &str| (format!("QDB_CAIRO_{of}_APPEND_PAGE_SIZE"), "65536".to_owned());
    Options { settings: pages.into_iter().map(setting).collect(), ..Options::default() }
}

/// All cases, or those that QUAFKA_PARITY names.
fn selected_cases(differences: &BTreeMap<String, Difference>) -> Vec<Case> {
    let mut files: Vec<_> =
        std::fs::read_dir(folder().join("cases")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let cases: Vec<_> = files.iter().map(|file| Case::read(file)).collect();
    for name in differences.keys() {
        assert!(cases.iter().any(|case| case.name == *name), "differences.toml: there is no case {name}");
    }
    let part = std::env::var("QUAFKA_PARITY").unwrap_or_default();
    let cases: Vec<_> = cases.into_iter().filter(|case| case.name.contains(&part)).collect();
    assert!(!cases.is_empty(), "QUAFKA_PARITY={part}: no case is called like that");
    cases
}

/// What `quafka import-connector` prints for the case.
async fn import(case: &Case) -> Result<toml::Table, String> {
    let mut process = tokio::process::Command::new(env!("CARGO_BIN_EXE_quafka"))
        .args(["import-connector", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    process.stdin.take().unwrap().write_all(case.connector_json().as_bytes()).await.unwrap();
    let output = process.wait_with_output().await.unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    Ok(String::from_utf8(output.stdout).unwrap().parse().expect("what is imported is TOML"))
}

/// One configuration with the topics of all cases.
fn config_of_all(runs: &[Run]) -> String {
    let mut topics = toml::Table::new();
    for config in runs.iter().filter_map(|run| run.config.as_ref().ok()) {
        for (topic, settings) in config["topics"].as_table().unwrap() {
            let before = topics.insert(topic.clone(), settings.clone());
            assert!(before.is_none(), "two cases have a topic {topic}");
        }
    }
    toml::Table::from_iter([("topics".to_owned(), topics.into())]).to_string()
}

fn on_error(case: &Case, config: &toml::Table) -> OnError {
    let loaded = config::parse(Path::new("imported"), &config.to_string(), &Overrides::default()).unwrap();
    loaded.config.topics.of(&case.topics[0]).on_error
}

/// Makes the tables that are there before the records.
async fn prepare(case: &Case, questdb: &QuestDbServer) {
    for sql in &case.pre_sql {
        questdb.sql(sql).await;
    }
}

/// Produces the records in order, as one batch for each topic or each of them alone. The refused ones, where the
/// producer is told of them.
async fn produce(
    case: &Case,
    on_error: OnError,
    alone: bool,
    client: &Client,
) -> Result<Option<Vec<usize>>, String> {
    let mut refused = Vec::new();
    let mut index = 0;
    let same = |a: &CaseRecord, b: &CaseRecord| !alone && a.topic == b.topic && a.partition == b.partition;
    for batch in case.records.chunk_by(same) {
        let (topic, partition) = (batch[0].topic.as_str(), batch[0].partition);
        let fault = |error: Error| format!("records {index}..{}: {error}", index + batch.len());
        let partition =
            client.partition_client(topic, partition, UnknownTopicHandling::Error).await.map_err(fault)?;
        let records = batch.iter().map(record).collect();
        match partition.produce(records, Compression::NoCompression).await {
            Ok(_) => {}
            Err(Error::ServerError { protocol_error: ProtocolError::InvalidRecord, .. })
                if batch.len() == 1 =>
            {
                refused.push(index);
            }
            Err(error) => return Err(fault(error)),
        }
        index += batch.len();
    }
    Ok((on_error == OnError::Reject).then_some(refused))
}

fn record(record: &CaseRecord) -> Record {
    let timestamp = match record.timestamp_ms {
        Some(timestamp_ms) => DateTime::from_timestamp_millis(timestamp_ms).unwrap(),
        None => Utc::now(),
    };
    Record {
        key: record.key.clone(),
        value: record.value.clone(),
        headers: record.headers.iter().cloned().collect(),
        timestamp,
    }
}

/// What there is now of the tables that the case tells of.
async fn found(run: &Run, questdb: &mut quafka::questdb::HttpConnection) -> Result<Outcome, String> {
    let mut outcome = Outcome { tables: BTreeMap::new(), bad: None, refused: run.config.is_err() };
    let Ok(config) = &run.config else { return Ok(outcome) };
    outcome.bad = run.bad.clone()?;
    for name in run.case.expected.tables.keys() {
        outcome.tables.insert(name.clone(), tables::read(questdb, name).await);
    }
    if on_error(&run.case, config) == OnError::Dlq {
        outcome.bad = Some(dead_letters(&run.case, config, questdb).await?);
    }
    Ok(outcome)
}

/// The records that are in the case's dead letter table, by index.
async fn dead_letters(
    case: &Case,
    config: &toml::Table,
    questdb: &mut quafka::questdb::HttpConnection,
) -> Result<Vec<usize>, String> {
    let table = config["topics"][&case.topics[0]]["dlq"]["table"].as_str().unwrap();
    let Some(letters) = tables::read(questdb, table).await else { return Ok(Vec::new()) };
    // The records of a case are told apart by their content, which a letter has whole.
    let part = |bytes: &Option<Vec<u8>>| match bytes.as_deref().map(std::str::from_utf8) {
        Some(Ok(text)) if !text.contains('\0') => exact::Json::Text(text.to_owned()).canonical(),
        Some(_) => format!("{:?}", {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.encode(bytes.as_deref().unwrap())
        }),
        None => "null".to_owned(),
    };
    let mut left: Vec<usize> = (0..case.records.len()).collect();
    let mut found = Vec::new();
    for row in &letters.rows {
        let of_row = |name: &str| {
            let null = "null".to_owned();
            let plain = row.get(name).filter(|value| **value != null);
            plain.or(row.get(&format!("{name}_base64"))).unwrap_or(&null).clone()
        };
        let is = |index: &usize| {
            let record = &case.records[*index];
            part(&record.key) == of_row("key") && part(&record.value) == of_row("value")
        };
        let position = left.iter().position(is);
        let position =
            position.ok_or_else(|| format!("a dead letter of no record, or one too many: {row:?}"))?;
        found.push(left.remove(position));
    }
    found.sort_unstable();
    Ok(found)
}

#[derive(Default)]
struct Report {
    same: usize,
    different: usize,
    failures: Vec<String>,
}

impl Report {
    fn add(&mut self, run: &Run, difference: Option<&Difference>, found: Result<Outcome, String>, log: &str) {
        let case = &run.case;
        let expected = difference.map_or(Ok(case.expected.clone()), |difference| difference.applied(case));
        let lines = match (expected, found) {
            (Err(error), _) => vec![format!("differences.toml: {error}")],
            (_, Err(error)) => vec![error],
            (Ok(expected), Ok(found)) => {
                let mut lines = compared(&expected, &found);
                if let (false, Err(reason)) = (expected.refused, &run.config) {
                    lines.push(reason.clone());
                }
                let needless = lines.is_empty()
                    && difference.is_some()
                    && case.expected.bad.is_some()
                    && compared(&case.expected, &found).is_empty();
                if needless {
                    lines.push("differences.toml: there is no difference".to_owned());
                }
                lines
            }
        };
        if lines.is_empty() {
            self.same += usize::from(difference.is_none());
            self.different += usize::from(difference.is_some());
            return;
        }
        let mut text = format!("FAILED {} ({:?}; {})", case.name, case.task_state, case.why);
        if let Some(difference) = difference {
            text += &format!("\n    different on purpose: {}", difference.why);
        }
        let logged = log.lines().filter(|line| line.contains(&case.topic)).take(3);
        for line in lines.iter().map(String::as_str).chain(logged) {
            text += &format!("\n    {line}");
        }
        self.failures.push(text);
    }

    fn summary(&self) -> String {
        let Self { same, different, failures } = self;
        format!(
            "parity: {} cases: {same} as the connector, {different} different on purpose, {} failed",
            same + different + failures.len(),
            failures.len()
        )
    }
}

/// How what is found differs from what is expected, a line each.
fn compared(expected: &Outcome, found: &Outcome) -> Vec<String> {
    match (expected.refused, found.refused) {
        (true, true) => return Vec::new(),
        (true, false) => return vec!["the configuration is taken, which should be refused".to_owned()],
        (false, true) => return vec!["the configuration is refused".to_owned()],
        (false, false) => {}
    }
    let mut lines = Vec::new();
    for (name, table) in &expected.tables {
        let found = found.tables.get(name).and_then(Option::as_ref);
        lines.extend(
            tables::differences(table.as_ref(), found).into_iter().map(|line| format!("{name}: {line}")),
        );
    }
    match (&expected.bad, &found.bad) {
        (Some(expected), Some(found)) if expected != found => {
            lines.push(format!("bad records: {found:?}, expected {expected:?}"));
        }
        (None, Some(found)) => {
            lines.push(format!("bad records: {found:?}; differences.toml has to say which are expected"));
        }
        _ => {}
    }
    lines
}
