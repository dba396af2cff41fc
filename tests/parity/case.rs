//! A case: records, the connector's configuration, and the tables that the connector made of them.

use std::collections::BTreeMap;
use std::path::Path;

use super::exact::Json;

/// Stands for the case's own topic.
const MARK: &str = "@TOPIC@";

/// What the connector's task came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskState {
    /// It wrote what it could, and set the rest aside where it was told to.
    Running,
    /// It stopped at a record.
    Failed,
    /// It did not start.
    Rejected,
}

/// A record to produce.
#[derive(Clone, Debug)]
pub struct CaseRecord {
    pub topic: String,
    pub partition: i32,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Vec<u8>)>,
    pub timestamp_ms: Option<i64>,
}

/// A row: each column's value as a canonical text.
pub type Row = BTreeMap<String, String>;

/// A table with its rows in any order. Columns are by name: type, and whether it is the designated timestamp.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    pub columns: BTreeMap<String, (String, bool)>,
    pub rows: Vec<Row>,
}

/// What there is after the records.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// By name; None: no such table.
    pub tables: BTreeMap<String, Option<Table>>,
    /// The records, by index, that did not become rows. None where the case does not tell.
    pub bad: Option<Vec<usize>>,
    /// The configuration is refused.
    pub refused: bool,
}

/// A parity case, with a topic of its own put in.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    pub why: String,
    pub topic: String,
    pub connector: Vec<(String, String)>,
    pub topics: Vec<String>,
    pub pre_sql: Vec<String>,
    pub records: Vec<CaseRecord>,
    pub task_state: TaskState,
    /// What the connector made of it.
    pub expected: Outcome,
}

impl Case {
    /// Reads a case.
    pub fn read(file: &Path) -> Self {
        let text = std::fs::read_to_string(file).unwrap();
        let json = Json::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let name = json.field("name").and_then(Json::text).unwrap().to_owned();
        assert_eq!(file.file_stem().unwrap().to_str().unwrap(), name, "a case is called like its file");
        // Names that begin alike must not make the same table, whatever a template adds.
        let topic = format!("{name}_0");
        let json = json.map_texts(&|text| text.replace(MARK, &topic));
        let texts = |key: &str| -> Vec<String> {
            let list = json.field(key).map(Json::elements).unwrap_or_default();
            list.iter().map(|text| text.text().unwrap().to_owned()).collect()
        };
        let expected = json.field("expected").unwrap();
        let mut topics = texts("topics");
        if topics.is_empty() {
            topics.push(topic.clone());
        }
        let task_state = match expected.field("task_state").and_then(Json::text).unwrap() {
            "RUNNING" => TaskState::Running,
            "FAILED" => TaskState::Failed,
            "REJECTED" => TaskState::Rejected,
            other => panic!("{name}: {other}"),
        };
        let connector = json.field("connector").unwrap().members().iter();
        Self {
            connector: connector
                .map(|(key, value)| (key.clone(), value.text().unwrap().to_owned()))
                .collect(),
            pre_sql: texts("pre_sql"),
            records: json
                .field("records")
                .unwrap()
                .elements()
                .iter()
                .map(|one| record(one, &topics))
                .collect(),
            why: json.field("why").and_then(Json::text).unwrap().to_owned(),
            expected: outcome(expected, &topic, task_state),
            name,
            topic,
            topics,
            task_state,
        }
    }

    /// The connector's configuration as it is sent to Connect's REST API.
    pub fn connector_json(&self) -> String {
        let mut config: serde_json::Map<_, _> =
            self.connector.iter().map(|(key, value)| (key.clone(), value.clone().into())).collect();
        config.insert("connector.class".to_owned(), "io.questdb.kafka.QuestDBSinkConnector".into());
        config.insert("client.conf.string".to_owned(), "http::addr=127.0.0.1:9000;".into());
        config.insert("topics".to_owned(), self.topics.join(",").into());
        serde_json::json!({ "name": self.name, "config": config }).to_string()
    }

    /// A text of the case's differences with its topic put in.
    pub fn with_topic(&self, text: &str) -> String {
        text.replace(MARK, &self.topic)
    }
}

fn record(json: &Json, topics: &[String]) -> CaseRecord {
    let bytes = |name: &str| match (json.field(name), json.field(&format!("{name}_b64"))) {
        (Some(Json::Text(text)), None) => Some(text.clone().into_bytes()),
        (None | Some(Json::Null), None) => None,
        (None, Some(Json::Text(text))) => Some(from_base64(text)),
        other => panic!("{name}: {other:?}"),
    };
    let header = |header: &Json| {
        let [Json::Text(name), Json::Text(value)] = header.elements() else { panic!("{header:?}") };
        (name.clone(), value.clone().into_bytes())
    };
    CaseRecord {
        topic: json.field("topic").and_then(Json::text).unwrap_or(&topics[0]).to_owned(),
        partition: json.field("partition").and_then(Json::integer).unwrap_or(0) as i32,
        key: bytes("key"),
        value: bytes("value"),
        headers: json.field("headers").map(Json::elements).unwrap_or_default().iter().map(header).collect(),
        timestamp_ms: json.field("timestamp_ms").and_then(Json::integer),
    }
}

fn outcome(expected: &Json, topic: &str, state: TaskState) -> Outcome {
    let single = || vec![(topic.to_owned(), table(expected))];
    let tables = match expected.field("tables") {
        Some(tables) => {
            let named =
                |one: &Json| (one.field("table").and_then(Json::text).unwrap().to_owned(), table(one));
            tables.elements().iter().map(named).collect()
        }
        None => single(),
    };
    let letters = expected.field("dlq_records").map(Json::elements).unwrap_or_default();
    let mut bad: Vec<_> = letters
        .iter()
        .map(|letter| letter.field("record").and_then(Json::integer).unwrap() as usize)
        .collect();
    bad.sort_unstable();
    Outcome {
        tables: tables.into_iter().collect(),
        // A task that stops does not tell what would have been set aside.
        bad: (state == TaskState::Running).then_some(bad),
        refused: state == TaskState::Rejected,
    }
}

fn table(json: &Json) -> Option<Table> {
    let Some(Json::Array(columns)) = json.field("columns") else { return None };
    let names: Vec<_> =
        columns.iter().map(|column| column.elements()[0].text().unwrap().to_owned()).collect();
    let typed = columns.iter().map(|column| match column.elements() {
        [Json::Text(name), Json::Text(kind), Json::Bool(designated)] => {
            (name.clone(), (kind.clone(), *designated))
        }
        other => panic!("{other:?}"),
    });
    let row = |row: &Json| names.iter().cloned().zip(row.elements().iter().map(Json::canonical)).collect();
    let rows = json.field("rows").unwrap().elements().iter().map(row).collect();
    Some(Table { columns: typed.collect(), rows })
}

fn from_base64(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}
