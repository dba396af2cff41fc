//! The statements that the gateway knows, and no others.

use super::{QuestDb, Row, Table};

/// The answer's status and body.
pub fn answer(questdb: &QuestDb, query: &str) -> (u16, String) {
    match execute(questdb, query) {
        Ok(rows) => (200, format!(r#"{{"dataset":[{}]}}"#, rows.join(","))),
        Err(error) => (400, format!(r#"{{"error":"{error}","position":0}}"#)),
    }
}

fn execute(questdb: &QuestDb, query: &str) -> Result<Vec<String>, String> {
    if query.starts_with("select name, errorTag") {
        return Ok(Vec::new());
    }
    if let Some(rest) = query.strip_prefix("select \"column\", type, designated from table_columns(") {
        let table = find(questdb, rest, |table| format!("table does not exist [table={table}]"))?;
        let columns = table.columns.iter().map(|(name, kind)| format!(r#"["{name}","{kind}",false]"#));
        let designated = r#"["timestamp","TIMESTAMP",true]"#.to_owned();
        return Ok(columns.chain([designated]).collect());
    }
    if let Some((_, rest)) = query.split_once("FROM wal_transactions(") {
        let table = find(questdb, rest, |table| format!("table does not exist: {table}"))?;
        return Ok(transactions(table, query));
    }
    if let Some(rest) = query.strip_prefix("SELECT writerTxn FROM wal_tables() WHERE name = ") {
        let table = find(questdb, rest, |table| format!("table does not exist: {table}"))?;
        return Ok(vec![format!("[{}]", table.transactions.len())]);
    }
    if let Some(rest) = query.strip_prefix("SELECT count() FROM ") {
        let table = find(questdb, rest, |table| format!("table does not exist [table={table}]"))?;
        let (_, conditions) = rest.split_once(" WHERE ").ok_or("no conditions")?;
        let conditions: Vec<Condition> =
            conditions.split(" AND ").map(Condition::parse).collect::<Option<_>>().ok_or("conditions")?;
        let count = table.rows.iter().filter(|(row, _)| conditions.iter().all(|c| c.holds(row))).count();
        return Ok(vec![format!("[{count}]")]);
    }
    Err(format!("this model does not know the statement: {}", query.replace('"', "'")))
}

fn find<'a>(questdb: &'a QuestDb, rest: &str, absent: impl Fn(&str) -> String) -> Result<&'a Table, String> {
    let name = rest.split('\'').nth(1).ok_or("no name")?;
    questdb.tables.get(name).ok_or_else(|| absent(name))
}

fn transactions(table: &Table, query: &str) -> Vec<String> {
    let number = |after: &str| -> Option<i64> {
        let (_, rest) = query.split_once(after)?;
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    };
    let base = number("sequencerTxn > ").unwrap_or(0);
    let writer = number("walId = ");
    let found: Vec<_> = (1..)
        .zip(&table.transactions)
        .filter(|(txn, transaction)| {
            *txn > base && writer.map_or(transaction.writer > 0, |writer| writer == transaction.writer)
        })
        .collect();
    if query.starts_with("SELECT max(sequencerTxn)") {
        return vec![format!("[{}]", table.transactions.len())];
    }
    if query.contains("GROUP BY walId") {
        let mut writers: Vec<i64> = found.iter().map(|(_, transaction)| transaction.writer).collect();
        writers.sort_unstable();
        writers.dedup();
        let row = |writer: i64| {
            let of_it: Vec<_> =
                found.iter().filter(|(_, transaction)| transaction.writer == writer).collect();
            let last = of_it.last().map_or(0, |(txn, _)| *txn);
            format!("[{writer},{},{last}]", of_it.len())
        };
        return writers.into_iter().map(row).collect();
    }
    match found.last() {
        Some((txn, last)) => vec![format!("[{},{txn},{}]", found.len(), last.rows)],
        None => vec!["[0,null,null]".to_owned()],
    }
}

/// `"column" = value`, or a bound of the time.
enum Condition {
    Equal(String, String),
    From(i64),
    Before(i64),
}

impl Condition {
    fn parse(text: &str) -> Option<Self> {
        let time = |rest: &str| rest.strip_prefix("cast(")?.strip_suffix(" as timestamp)")?.parse().ok();
        let (name, rest) = text.strip_prefix('"')?.split_once("\" ")?;
        match rest.split_once(' ')? {
            (">=", rest) => Some(Self::From(time(rest)?)),
            ("<", rest) => Some(Self::Before(time(rest)?)),
            ("=", value) => Some(Self::Equal(name.to_owned(), value.trim_matches('\'').to_owned())),
            _ => None,
        }
    }

    fn holds(&self, row: &Row) -> bool {
        match self {
            Self::Equal(name, value) => row.get(name) == Some(value),
            Self::From(time) => row.timestamp_us >= *time,
            Self::Before(time) => row.timestamp_us < *time,
        }
    }
}
