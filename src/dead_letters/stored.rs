//! Letters in their table: which there are, and which have been sent again.

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

use super::DeadLetter;
use crate::questdb::{QuestDb, QuestDbError, Rows, quote_literal};

/// Letters in one answer of QuestDB, at most.
const PAGE_LETTERS: usize = 500;
/// The bytes of their keys, values and headers, at most, except that one always comes: as JSON they can become six times
/// as many, and an answer is limited.
const PAGE_BYTES: u64 = 2 << 20;

/// Added to the table when letters are first sent again: when that was.
const REPLAYED_AT: &str = "replayed_at";

/// Columns that come into being with the first letter that has something for them.
const TEXTS: [&str; 8] =
    ["key", "key_base64", "value", "value_base64", "headers", "error", "error_column", REPLAYED_AT];

/// Between two looks at whether QuestDB has applied what it has committed.
const APPLY_PAUSE: Duration = Duration::from_millis(20);

/// A table with dead letters.
pub struct LetterTable {
    questdb: QuestDb,
    name: String,
    columns: HashSet<String>,
}

/// Which letters are meant: those for which all of this holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// They were sent to this topic.
    pub topic: Option<String>,
    /// They were sent to this partition.
    pub partition: Option<i32>,
    /// They have one of these offsets.
    pub offsets: Option<RangeInclusive<i64>>,
    /// They arrived then or later, in microseconds since 1970-01-01T00:00:00Z.
    pub since_micros: Option<i64>,
    /// They arrived then or before, in the same unit.
    pub until_micros: Option<i64>,
    /// They have not been sent again before then, in the same unit.
    pub not_replayed_before_micros: Option<i64>,
}

/// A letter as it stands in its table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredLetter {
    /// The record, and why it is here.
    pub letter: DeadLetter,
    /// When it arrived, as a text.
    pub arrived: String,
    /// Its own timestamp, as a text.
    pub timestamp: String,
    /// When it was last sent again, as a text.
    pub replayed: Option<String>,
}

/// Letters that are here for the same reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterGroup {
    /// The topic that they were sent to.
    pub topic: String,
    /// The column that is to blame, where one is.
    pub column: Option<String>,
    /// How many there are.
    pub letters: u64,
    /// How many of them have been sent again.
    pub replayed: u64,
    /// When the first of them arrived.
    pub first: String,
    /// When the last of them arrived.
    pub last: String,
    /// The last one's error.
    pub error: String,
}

/// Why letters cannot be read or marked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LettersError {
    /// There is no such table.
    #[error(
        "QuestDB has no table `{0}`: there are no dead letters in it yet, or --table has to name another one"
    )]
    NoTable(String),
    /// There is one, but for something else.
    #[error("table `{0}` is none of dead letters: it has no column `{1}`")]
    NoLetters(String, &'static str),
    /// QuestDB did not do what it was asked.
    #[error("table `{0}`: {1}")]
    QuestDb(String, QuestDbError),
    /// A row that the gateway cannot have written.
    #[error("table `{0}` has a row that is no dead letter: {1}")]
    Odd(String, String),
    /// What is committed does not become visible.
    #[error(
        "table `{0}`: QuestDB has committed the changes and does not apply them; is the table suspended?"
    )]
    NotApplied(String),
}

impl LetterTable {
    /// The table of this name.
    ///
    /// # Errors
    /// It is not there, or no table of letters.
    pub async fn open(questdb: QuestDb, name: &str) -> Result<Self, LettersError> {
        let query = format!("SELECT \"column\" FROM table_columns({})", quote_literal(name));
        let rows = match questdb.sql(&query).await {
            Ok(rows) => rows.rows,
            Err(QuestDbError::Sql { message, .. }) if message.starts_with("table does not exist") => {
                return Err(LettersError::NoTable(name.to_owned()));
            }
            Err(error) => return Err(LettersError::QuestDb(name.to_owned(), error)),
        };
        let columns: HashSet<String> =
            rows.iter().filter_map(|row| row.first()?.as_str().map(str::to_lowercase)).collect();
        for needed in ["timestamp", "kafka_topic", "kafka_partition", "kafka_offset", "kafka_timestamp"] {
            if !columns.contains(needed) {
                return Err(LettersError::NoLetters(name.to_owned(), needed));
            }
        }
        Ok(Self { questdb, name: name.to_owned(), columns })
    }

    /// The reasons, the one with the newest letter first.
    ///
    /// # Errors
    /// What came in the way.
    pub async fn groups(&self, which: &Selection, limit: usize) -> Result<Vec<LetterGroup>, LettersError> {
        // What differs from letter to letter in the same trouble: values, which stand in backquotes, and numbers.
        let reason = format!("regexp_replace({}, '`[^`]*`|[0-9]+', '#')", self.text("error"));
        let query = format!(
            "SELECT kafka_topic, blamed, count(), count(sent), min(arrived), max(arrived), last(words) FROM \
             (SELECT timestamp arrived, kafka_topic, {}::varchar blamed, {reason} reason, {} words, {} sent \
             FROM {}{} ORDER BY timestamp) GROUP BY kafka_topic, blamed, reason ORDER BY 6 DESC LIMIT {limit}",
            self.text("error_column"),
            self.text("error"),
            self.text(REPLAYED_AT),
            self.quoted(),
            self.condition(which),
        );
        let rows = self.sql(&query).await?.rows;
        rows.into_iter().map(|row| group(&row).ok_or_else(|| self.odd(&row))).collect()
    }

    /// How many there are.
    ///
    /// # Errors
    /// What came in the way.
    pub async fn count(&self, which: &Selection) -> Result<u64, LettersError> {
        let query = format!("SELECT count() FROM {}{}", self.quoted(), self.condition(which));
        let rows = self.sql(&query).await?.rows;
        Ok(rows.first().and_then(|row| row.first()?.as_u64()).unwrap_or_default())
    }

    /// Letters in the order of their arrival, or the other way round, without so many of the first ones; a few hundred,
    /// or fewer where they are large. None where there are no more.
    ///
    /// # Errors
    /// What came in the way.
    pub async fn page(
        &self,
        which: &Selection,
        newest_first: bool,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<StoredLetter>, LettersError> {
        let direction = if newest_first { "DESC" } else { "ASC" };
        let order = format!("ORDER BY timestamp {direction}, kafka_offset {direction}");
        let from = format!("FROM {}{} {order}", self.quoted(), self.condition(which));
        let size = |name| format!("coalesce(length_bytes({}), 0)", self.text(name));
        let sizes = ["key", "key_base64", "value", "value_base64", "headers"].map(size).join(" + ");
        let end = skip + limit.min(PAGE_LETTERS);
        let rows = self
            .sql(&format!("SELECT timestamp, kafka_offset, {sizes} bytes {from} LIMIT {skip}, {end}"))
            .await?
            .rows;
        let mut bytes = 0;
        let fitting = rows.iter().take_while(|row| {
            bytes += row.get(2).and_then(Value::as_u64).unwrap_or_default();
            bytes <= PAGE_BYTES
        });
        let letters = fitting.count().max(1).min(rows.len());
        if letters == 0 {
            return Ok(Vec::new());
        }
        let texts = TEXTS.map(|name| format!("{} {name}_", self.text(name))).join(", ");
        let query = format!(
            "SELECT timestamp, kafka_topic, kafka_partition, kafka_offset, kafka_timestamp, timestamp::long arrival, \
             kafka_timestamp::long own, {texts} {from} LIMIT {skip}, {}",
            skip + letters
        );
        let rows = self.sql(&query).await?.rows;
        rows.into_iter().map(|row| stored(&row).ok_or_else(|| self.odd(&row))).collect()
    }

    /// Sees that letters can be marked as sent again.
    ///
    /// # Errors
    /// What came in the way.
    pub async fn prepare_marks(&mut self, patience: Duration) -> Result<(), LettersError> {
        if !self.columns.contains(REPLAYED_AT) {
            let table = self.quoted();
            self.sql(&format!("ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {REPLAYED_AT} TIMESTAMP"))
                .await?;
            // Until then statements that name it are refused.
            self.applied(patience).await?;
            self.columns.insert(REPLAYED_AT.to_owned());
        }
        Ok(())
    }

    /// Marks letters of one partition as sent again.
    ///
    /// # Errors
    /// What came in the way.
    pub async fn mark(&self, letters: &[&StoredLetter], at_micros: i64) -> Result<(), LettersError> {
        let Some(first) = letters.first() else { return Ok(()) };
        let arrivals = || letters.iter().map(|stored| stored.letter.arrival_ms.saturating_mul(1_000));
        let which = Selection {
            topic: Some(first.letter.topic.to_string()),
            partition: Some(first.letter.partition),
            since_micros: arrivals().min(),
            until_micros: arrivals().max(),
            ..Selection::default()
        };
        let offsets: Vec<_> = letters.iter().map(|stored| stored.letter.offset.to_string()).collect();
        let query = format!(
            "UPDATE {} SET {REPLAYED_AT} = {}{} AND kafka_offset IN ({})",
            self.quoted(),
            time(at_micros),
            self.condition(&which),
            offsets.join(",")
        );
        self.sql(&query).await.map(drop)
    }

    /// Waits until all that is committed to the table by now is visible.
    ///
    /// # Errors
    /// It has not become so, or QuestDB could not be asked.
    pub async fn applied(&self, patience: Duration) -> Result<(), LettersError> {
        let deadline = Instant::now() + patience;
        let name = quote_literal(&self.name);
        let query = format!("SELECT writerTxn, sequencerTxn FROM wal_tables() WHERE name = {name}");
        let mut target = None;
        loop {
            let rows = self.sql(&query).await?.rows;
            // A table without WAL is not listed: its changes are visible at once.
            let Some([written, committed]) = rows.first().map(Vec::as_slice) else { return Ok(()) };
            let (written, committed) = (written.as_i64(), committed.as_i64());
            if written >= *target.get_or_insert(committed) {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(LettersError::NotApplied(self.name.clone()));
            }
            tokio::time::sleep(APPLY_PAUSE).await;
        }
    }

    async fn sql(&self, query: &str) -> Result<Rows, LettersError> {
        self.questdb.sql(query).await.map_err(|error| LettersError::QuestDb(self.name.clone(), error))
    }

    /// A quote in a table's name cannot be.
    fn quoted(&self) -> String {
        format!("\"{}\"", self.name.replace('"', ""))
    }

    /// A column that need not be there.
    fn text(&self, name: &str) -> String {
        if self.columns.contains(name) { name.to_owned() } else { "null::varchar".to_owned() }
    }

    fn condition(&self, which: &Selection) -> String {
        let mut conditions = Vec::new();
        let Selection { topic, partition, offsets, since_micros, until_micros, .. } = which;
        conditions.extend(topic.as_ref().map(|topic| format!("kafka_topic = {}", quote_literal(topic))));
        conditions.extend(partition.map(|partition| format!("kafka_partition = {partition}")));
        conditions.extend(offsets.as_ref().map(|offsets| {
            format!("kafka_offset >= {} AND kafka_offset <= {}", offsets.start(), offsets.end())
        }));
        conditions.extend(since_micros.map(|since| format!("timestamp >= {}", time(since))));
        conditions.extend(until_micros.map(|until| format!("timestamp <= {}", time(until))));
        if let Some(before) = which.not_replayed_before_micros.filter(|_| self.columns.contains(REPLAYED_AT))
        {
            conditions.push(format!("({REPLAYED_AT} IS NULL OR {REPLAYED_AT} >= {})", time(before)));
        }
        if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) }
    }

    fn odd(&self, row: &[Value]) -> LettersError {
        let row: String = Value::from(row).to_string().chars().take(200).collect();
        LettersError::Odd(self.name.clone(), row)
    }
}

fn time(micros: i64) -> String {
    format!("cast({micros} as timestamp)")
}

fn group(row: &[Value]) -> Option<LetterGroup> {
    let [topic, column, letters, replayed, first, last, error] = row else { return None };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Some(LetterGroup {
        topic: text(topic)?,
        column: text(column),
        letters: letters.as_u64()?,
        replayed: replayed.as_u64()?,
        first: text(first)?,
        last: text(last)?,
        error: text(error).unwrap_or_default(),
    })
}

fn stored(row: &[Value]) -> Option<StoredLetter> {
    let [arrived, topic, partition, offset, timestamp, arrival, own, texts @ ..] = row else { return None };
    let texts: &[Value; TEXTS.len()] = texts.try_into().ok()?;
    let [key, key_base64, value, value_base64, headers, error, column, replayed] =
        texts.each_ref().map(Value::as_str);
    let letter = DeadLetter {
        topic: topic.as_str()?.into(),
        partition: i32::try_from(partition.as_i64()?).ok()?,
        offset: offset.as_i64()?,
        timestamp_ms: own.as_i64()?.div_euclid(1_000),
        arrival_ms: arrival.as_i64()?.div_euclid(1_000),
        key: bytes(key, key_base64)?,
        value: bytes(value, value_base64)?,
        headers: self::headers(headers)?,
        column: column.map(Into::into),
        error: error.unwrap_or_default().to_owned(),
    };
    Some(StoredLetter {
        letter,
        arrived: arrived.as_str()?.to_owned(),
        timestamp: timestamp.as_str()?.to_owned(),
        replayed: replayed.map(str::to_owned),
    })
}

/// What [`super::block`] has made a text or Base64. The outer None: it has not.
fn bytes(text: Option<&str>, base64: Option<&str>) -> Option<Option<Vec<u8>>> {
    match (text, base64) {
        (text, None) => Some(text.map(|text| text.as_bytes().to_vec())),
        (None, Some(base64)) => STANDARD.decode(base64).ok().map(Some),
        (Some(_), Some(_)) => None,
    }
}

#[derive(Deserialize)]
struct Header {
    key: String,
    value: Option<String>,
    base64: Option<String>,
}

type Headers = Vec<(String, Option<Vec<u8>>)>;

fn headers(json: Option<&str>) -> Option<Headers> {
    let Some(json) = json else { return Some(Headers::new()) };
    let headers: Vec<Header> = serde_json::from_str(json).ok()?;
    headers
        .into_iter()
        .map(|Header { key, value, base64 }| Some((key, bytes(value.as_deref(), base64.as_deref())?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_is_the_letter_again() {
        let row = [
            json!("2024-01-01T00:00:00.000000Z"),
            json!("t"),
            json!(3),
            json!(42),
            json!("1969-12-31T23:59:59.999000Z"),
            json!(1_704_067_200_000_000_i64),
            json!(-1_000),
            json!(null),
            json!("/wA="),
            json!(""),
            json!(null),
            json!(r#"[{"key":"a","value":"1"},{"key":"a","value":null},{"base64":"/w==","key":"b"}]"#),
            json!("no JSON"),
            json!("v"),
            json!(null),
        ];
        let stored = stored(&row).unwrap();
        let letter = DeadLetter {
            topic: "t".into(),
            partition: 3,
            offset: 42,
            timestamp_ms: -1,
            arrival_ms: 1_704_067_200_000,
            key: Some(vec![0xff, 0]),
            value: Some(Vec::new()),
            headers: vec![
                ("a".to_owned(), Some(b"1".to_vec())),
                ("a".to_owned(), None),
                ("b".to_owned(), Some(vec![0xff])),
            ],
            column: Some("v".into()),
            error: "no JSON".to_owned(),
        };
        assert_eq!((stored.letter, stored.replayed), (letter, None));
    }

    #[test]
    fn odd_rows_are_no_letters() {
        assert!(stored(&[json!(1)]).is_none());
        assert_eq!(bytes(None, Some("not Base64")), None);
        assert_eq!(bytes(Some("a"), Some("YQ==")), None);
        assert_eq!(headers(Some("{")), None);
    }
}
