//! Tables as QuestDB shows them, and how they differ from what is expected.

use bytes::Bytes;
use hyper::{Method, StatusCode};
use quafka::questdb::HttpConnection;

use super::case::{Row, Table};
use super::exact::{Json, shown};

/// The canonical text of `"<now>"`, server time: only that there is one counts.
const NOW: &str = "\"<now>\"";

/// Reads a whole table; None where there is none.
pub async fn read(questdb: &mut HttpConnection, table: &str) -> Option<Table> {
    let answer = query(questdb, &format!("SELECT * FROM \"{}\"", table.replace('"', "\"\""))).await?;
    let designated = answer.field("timestamp").and_then(Json::integer);
    let mut names = Vec::new();
    let mut found = Table::default();
    for (index, column) in (0..).zip(answer.field("columns").unwrap().elements()) {
        let text = |key: &str| column.field(key).and_then(Json::text).unwrap_or_default().to_owned();
        let kind = match text("type").as_str() {
            "ARRAY" => {
                let dimensions = column.field("dim").and_then(Json::integer).unwrap();
                text("elemType") + &"[]".repeat(dimensions as usize)
            }
            other => other.to_owned(),
        };
        names.push(text("name"));
        found.columns.insert(text("name"), (kind, designated == Some(index)));
    }
    let row = |row: &Json| names.iter().cloned().zip(row.elements().iter().map(Json::canonical)).collect();
    found.rows = answer.field("dataset").unwrap().elements().iter().map(row).collect();
    Some(found)
}

/// QuestDB's answer to a query; None where there is no such table.
pub async fn query(questdb: &mut HttpConnection, sql: &str) -> Option<Json> {
    let mut path = String::from("/exec?query=");
    for byte in sql.bytes() {
        path += &format!("%{byte:02X}");
    }
    let answer = questdb.send(Method::GET, &path, Bytes::new()).await.unwrap();
    let text = String::from_utf8_lossy(&answer.body);
    let json = Json::parse(&text).unwrap_or_else(|error| panic!("{sql}: {error}: {text}"));
    if answer.status == StatusCode::OK {
        return Some(json);
    }
    assert!(text.contains("does not exist"), "{sql}: {text}");
    None
}

/// How a table differs from what is expected, a line each.
pub fn differences(expected: Option<&Table>, found: Option<&Table>) -> Vec<String> {
    let (expected, found) = match (expected, found) {
        (None, None) => return Vec::new(),
        (None, Some(found)) => {
            return vec![format!("there is a table, of {} rows, where none is expected", found.rows.len())];
        }
        (Some(expected), None) => {
            return vec![format!("there is no table, where one of {} rows is expected", expected.rows.len())];
        }
        (Some(expected), Some(found)) => (expected, found),
    };
    let mut lines = Vec::new();
    for (name, (kind, designated)) in &expected.columns {
        match found.columns.get(name) {
            None => lines.push(format!("column {name:?}, {kind}, is not there")),
            Some((other, _)) if other != kind => {
                lines.push(format!("column {name:?} is {other}, expected {kind}"));
            }
            Some((_, other)) if other != designated => {
                let is = if *designated { "is not" } else { "is" };
                lines.push(format!("column {name:?} {is} the designated timestamp"));
            }
            Some(_) => {}
        }
    }
    for (name, (kind, _)) in &found.columns {
        if !expected.columns.contains_key(name) {
            lines.push(format!("column {name:?}, {kind}, is not expected"));
        }
    }
    let (missing, more) = without_pairs(expected, found);
    lines.extend(missing.iter().map(|row| format!("row missing:      {}", shown(row))));
    lines.extend(more.iter().map(|row| format!("row not expected: {}", shown(row))));
    lines
}

/// The rows of each side that the other does not have, by the columns that both have.
fn without_pairs(expected: &Table, found: &Table) -> (Vec<Row>, Vec<Row>) {
    let both = |row: &Row, other: &Table| -> Row {
        row.iter()
            .filter(|(name, _)| other.columns.contains_key(*name))
            .map(|(n, v)| (n.clone(), v.clone()))
            .collect()
    };
    let mut more: Vec<Row> = found.rows.iter().map(|row| both(row, expected)).collect();
    let mut missing: Vec<Row> = Vec::new();
    let mut expected: Vec<Row> = expected.rows.iter().map(|row| both(row, found)).collect();
    // Rows without a server time first: they fit one row only.
    expected.sort_by_key(|row| row.values().any(|value| value == NOW));
    for row in expected {
        let fits = |other: &Row| {
            row.iter().all(|(name, value)| match other.get(name) {
                Some(found) => value == found || (value == NOW && found != "null"),
                None => false,
            })
        };
        match more.iter().position(fits) {
            Some(index) => {
                more.swap_remove(index);
            }
            None => missing.push(row),
        }
    }
    (missing, more)
}
