use std::process::ExitCode;

use clap::Args;
use quafka::dead_letters::LetterGroup;
use serde_json::json;

use super::{Letters, letters, printable};

/// What `quafka dlq list` takes.
#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    letters: Letters,

    /// So many reasons at most, those with the newest letters
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,

    /// An object a line in place of text
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(list: &List) -> Result<ExitCode, String> {
    let table = list.letters.open(&list.letters.load()?).await?;
    let which = list.letters.selection();
    let groups = table.groups(&which, list.limit).await.map_err(|error| error.to_string())?;
    if list.json {
        groups.iter().for_each(|group| println!("{}", as_json(group)));
        return Ok(ExitCode::SUCCESS);
    }
    if groups.is_empty() {
        println!("no letters");
        return Ok(ExitCode::SUCCESS);
    }
    for group in &groups {
        let column = group.column.as_deref().map_or(String::new(), |column| format!(", column {column}"));
        let replayed = match group.replayed {
            0 => String::new(),
            replayed => format!(" ({replayed} sent again)"),
        };
        println!("{}{}: {}{replayed}", printable(&group.topic), printable(&column), letters(group.letters));
        println!("  {} to {}", group.first, group.last);
        println!("  {}", printable(&group.error));
    }
    let shown: u64 = groups.iter().map(|group| group.letters).sum();
    let all = table.count(&which).await.map_err(|error| error.to_string())?;
    if all > shown {
        println!("{} more for other reasons; --limit shows them", letters(all - shown));
    }
    Ok(ExitCode::SUCCESS)
}

fn as_json(group: &LetterGroup) -> serde_json::Value {
    let LetterGroup { topic, column, letters, replayed, first, last, error } = group;
    json!({
        "topic": topic, "column": column, "letters": letters, "replayed": replayed, "first": first, "last": last,
        "last_error": error,
    })
}
