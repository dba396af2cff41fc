use std::process::ExitCode;

use clap::Args;
use quafka::dead_letters::StoredLetter;
use quafka::decode::base64;
use serde_json::{Value, json};

use super::{Letters, printable};

/// What `quafka dlq show` takes.
#[derive(Debug, Args)]
pub(super) struct Show {
    #[command(flatten)]
    letters: Letters,

    /// So many letters at most, the newest ones
    #[arg(long, value_name = "N", default_value_t = 10)]
    limit: usize,

    /// An object a line in place of text
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(show: &Show) -> Result<ExitCode, String> {
    let table = show.letters.open(&show.letters.load()?).await?;
    let which = show.letters.selection();
    let mut shown = 0;
    while shown < show.limit {
        let page = table.page(&which, true, shown, show.limit - shown).await;
        let page = page.map_err(|error| error.to_string())?;
        if page.is_empty() {
            break;
        }
        for stored in &page {
            if show.json {
                println!("{}", as_json(stored));
            } else {
                print(stored, show.letters.table.as_deref());
            }
        }
        shown += page.len();
    }
    if shown == 0 && show.letters.offset.is_some() {
        return Err("there is no such letter".to_owned());
    }
    if shown == 0 && !show.json {
        println!("no letters");
    }
    Ok(ExitCode::SUCCESS)
}

fn print(stored: &StoredLetter, table: Option<&str>) {
    let letter = &stored.letter;
    let (topic, partition, offset) = (printable(&letter.topic), letter.partition, letter.offset);
    println!("{topic}, partition {partition}, offset {offset}");
    println!("  arrived:   {}", stored.arrived);
    println!("  timestamp: {}", stored.timestamp);
    if let Some(replayed) = &stored.replayed {
        println!("  sent again: {replayed}");
    }
    println!("  key:       {}", shown(letter.key.as_deref()));
    println!("  value:     {}", shown(letter.value.as_deref()));
    for (name, value) in &letter.headers {
        println!("  header {}: {}", printable(name), shown(value.as_deref()));
    }
    println!("  error:     {}", printable(&letter.error));
    if stored.replayed.is_none() {
        let table = table.map(|table| format!("--table {table} ")).unwrap_or_default();
        let letter = format!("--topic {topic} --partition {partition} --offset {offset}");
        println!("  when that is put right: quafka dlq replay {table}{letter}");
    }
    println!();
}

fn shown(bytes: Option<&[u8]>) -> String {
    match bytes.map(|bytes| (bytes, std::str::from_utf8(bytes))) {
        None => "null".to_owned(),
        Some((_, Ok(""))) => "(empty)".to_owned(),
        Some((_, Ok(text))) => printable(text),
        Some((bytes, Err(_))) => format!("{} (Base64, {} bytes)", base64(bytes), bytes.len()),
    }
}

fn as_json(stored: &StoredLetter) -> Value {
    let letter = &stored.letter;
    let headers: Vec<Value> = letter
        .headers
        .iter()
        .map(|(name, value)| {
            let (as_what, value) = value_json("value", value.as_deref());
            json!({ "key": name, as_what: value })
        })
        .collect();
    let (key_name, key) = value_json("key", letter.key.as_deref());
    let (value_name, value) = value_json("value", letter.value.as_deref());
    json!({
        "topic": &*letter.topic, "partition": letter.partition, "offset": letter.offset,
        "arrived": stored.arrived, "timestamp": stored.timestamp, "replayed": stored.replayed,
        key_name: key, value_name: value, "headers": headers, "error": letter.error,
        "error_column": letter.column.as_deref(),
    })
}

/// As in the table: a text by the name itself, other bytes as `…_base64`.
fn value_json(name: &str, bytes: Option<&[u8]>) -> (String, Value) {
    match bytes.map(|bytes| std::str::from_utf8(bytes).map_err(|_| base64(bytes))) {
        None => (name.to_owned(), Value::Null),
        Some(Ok(text)) => (name.to_owned(), text.into()),
        Some(Err(base64)) => (format!("{name}_base64"), base64.into()),
    }
}
