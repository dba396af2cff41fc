//! `quafka dlq`: the dead letters in a table of QuestDB.

mod list;
mod replay;
mod show;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};
use quafka::config::{Config, DeadLetters, Loaded};
use quafka::dead_letters::{LetterTable, Selection};
use quafka::questdb::QuestDb;

use super::Settings;

/// What `quafka dlq` takes.
#[derive(Debug, Args)]
pub struct Dlq {
    #[command(subcommand)]
    command: DlqCommand,
}

#[derive(Debug, Subcommand)]
enum DlqCommand {
    /// The reasons why there are letters: how many, and since when
    List(list::List),
    /// Letters whole: key, value, headers, what is wrong and what to do about it
    Show(show::Show),
    /// Send the letters' records again, once what was wrong is put right
    ///
    /// Each goes to its topic and partition with its key, value, headers and timestamp, by its order of arrival. Those
    /// that are acknowledged are marked in the table (`replayed_at`) and not sent again, unless --again says so; the
    /// others stay. What is interrupted between an acknowledgement and the mark sends a few records twice the next time.
    Replay(replay::Replay),
}

/// Which letters, of which QuestDB.
#[derive(Debug, Args)]
struct Letters {
    /// The gateway's configuration file: it says where QuestDB is and which table has letters
    #[arg(long, env = "QUAFKA_CONFIG", value_name = "FILE")]
    config: Option<OsString>,

    /// QuestDB, as its clients' configuration string [default: http::addr=127.0.0.1:9000;]
    #[arg(long, env = "QUAFKA_QUESTDB", value_name = "CONF", hide_env_values = true)]
    questdb: Option<String>,

    /// The table with the letters [default: what `dlq` in the configuration says, or quafka_dead_letters]
    #[arg(long, value_name = "NAME")]
    table: Option<String>,

    /// Only letters that were sent to this topic
    #[arg(long, value_name = "NAME")]
    topic: Option<String>,

    /// Only letters that were sent to this partition
    #[arg(long, value_name = "N", requires = "topic")]
    partition: Option<i32>,

    /// Only the letter with this offset
    #[arg(long, value_name = "N", requires = "partition")]
    offset: Option<i64>,

    /// Only letters that arrived since then: a time such as 2026-01-31T12:00:00Z, or so long ago, such as 2h
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<SystemTime>,
}

/// Does what was asked, and says so or why not.
pub async fn run(dlq: &Dlq) -> ExitCode {
    let done = match &dlq.command {
        DlqCommand::List(list) => list::run(list).await,
        DlqCommand::Show(show) => show::run(show).await,
        DlqCommand::Replay(replay) => replay::run(replay).await,
    };
    done.unwrap_or_else(|reason| {
        eprintln!("quafka dlq: {reason}");
        ExitCode::FAILURE
    })
}

impl Letters {
    fn load(&self) -> Result<Loaded, String> {
        Settings::of(self.config.as_ref(), self.questdb.as_ref()).load().map_err(|errors| errors.to_string())
    }

    async fn open(&self, loaded: &Loaded) -> Result<LetterTable, String> {
        let complaint = |reason: String| loaded.error("questdb.conf", reason).to_string();
        let questdb =
            QuestDb::from_conf(&loaded.config.questdb.conf).map_err(|error| complaint(error.to_string()))?;
        let table = self.table(&loaded.config)?;
        LetterTable::open(questdb, &table).await.map_err(|error| error.to_string())
    }

    fn table(&self, config: &Config) -> Result<String, String> {
        if let Some(table) = &self.table {
            return Ok(table.clone());
        }
        let places: Vec<DeadLetters> = match &self.topic {
            Some(topic) => vec![config.topics.of(topic).dlq.clone()],
            None => config.topics.entries().iter().filter_map(|(_, settings)| settings.dlq.clone()).collect(),
        };
        let tables: BTreeSet<&str> = places
            .iter()
            .filter_map(|place| match place {
                DeadLetters::Table { table } => Some(table.as_str()),
                DeadLetters::Topic { .. } => None,
            })
            .collect();
        let mut tables = tables.into_iter();
        match (tables.next(), tables.next(), places.first()) {
            (Some(table), None, _) => Ok(table.to_owned()),
            (Some(one), Some(other), _) => Err(format!(
                "the configuration has letters in several tables, such as `{one}` and `{other}`: choose one with --table, \
                 or a topic with --topic"
            )),
            (None, _, Some(DeadLetters::Topic { topic, bootstrap })) => Err(format!(
                "these letters go to topic {topic} of the Kafka cluster at {bootstrap}: read and send them with Kafka's \
                 own tools there, such as kafka-console-consumer --bootstrap-server {bootstrap} --topic {topic} \
                 --from-beginning --property print.headers=true; letters in a table are named with --table"
            )),
            (None, _, _) => match DeadLetters::default() {
                DeadLetters::Table { table } => Ok(table),
                DeadLetters::Topic { topic, .. } => Err(format!("letters go to topic {topic}")),
            },
        }
    }

    fn selection(&self) -> Selection {
        Selection {
            topic: self.topic.clone(),
            partition: self.partition,
            offsets: self.offset.map(|offset| offset..=offset),
            since_micros: self.since.map(micros),
            ..Selection::default()
        }
    }
}

fn micros(time: SystemTime) -> i64 {
    let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX)
}

fn since(text: &str) -> Result<SystemTime, String> {
    if let Ok(ago) = humantime::parse_duration(text) {
        return SystemTime::now().checked_sub(ago).ok_or_else(|| "is too long ago".to_owned());
    }
    humantime::parse_rfc3339_weak(text).map_err(|_| {
        "is neither a time, such as 2026-01-31T12:00:00Z, nor how long ago, such as 2h".to_owned()
    })
}

/// For how long what is committed may take until it is visible.
const APPLY_PATIENCE: Duration = Duration::from_secs(30);

/// `1 letter`, `2 letters`.
fn letters(count: u64) -> String {
    if count == 1 { "1 letter".to_owned() } else { format!("{count} letters") }
}

/// A peer's text for a terminal: what would steer it is shown and not done.
fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() { shown.extend(character.escape_default()) } else { shown.push(character) }
    }
    shown
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser;
    use quafka::config::{Overrides, parse};

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        letters: Letters,
    }

    fn table(line: &[&str], config: &str) -> Result<String, String> {
        let line = Line::try_parse_from(["quafka"].iter().chain(line)).unwrap();
        let loaded = parse(Path::new("f"), config, &Overrides::default()).unwrap();
        line.letters.table(&loaded.config)
    }

    #[test]
    fn the_table_is_the_configurations() {
        assert_eq!(table(&[], "").unwrap(), "quafka_dead_letters");
        assert_eq!(table(&["--table", "x"], "").unwrap(), "x");
        let one = "[topics.a]\non_error = \"dlq\"\ndlq = { table = \"dead_a\" }\n";
        assert_eq!(table(&[], one).unwrap(), "dead_a");
        assert_eq!(table(&["--topic", "b"], one).unwrap(), "quafka_dead_letters");
        let two = format!("{one}[topics.b]\ndlq = {{ table = \"dead_b\" }}\n");
        assert!(table(&[], &two).unwrap_err().contains("`dead_a` and `dead_b`"));
        assert_eq!(table(&["--topic", "b"], &two).unwrap(), "dead_b");
        let away = "[topics.c]\ndlq = { topic = \"dead\", bootstrap = \"kafka:9092\" }\n";
        for line in [&[][..], &["--topic", "c"]] {
            let error = table(line, away).unwrap_err();
            assert!(error.contains("topic dead of the Kafka cluster at kafka:9092"), "{error}");
        }
        assert_eq!(table(&[], &format!("{one}{away}")).unwrap(), "dead_a");
    }

    #[test]
    fn since_is_a_time_or_how_long_ago() {
        assert_eq!(micros(since("1970-01-01T00:00:01Z").unwrap()), 1_000_000);
        let then = since("2h").unwrap();
        let ago = SystemTime::now().duration_since(then).unwrap();
        assert!((7_200..7_300).contains(&ago.as_secs()), "{ago:?}");
        assert!(since("yesterday").unwrap_err().contains("such as 2h"));
    }

    #[test]
    fn a_terminal_is_not_steered() {
        assert_eq!(printable("ü\u{1b}[31m\n"), "ü\\u{1b}[31m\\n");
    }
}
