//! `quafka import-connector`: a Kafka Connect connector's configuration as quafka's.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use quafka::connector::{Imported, import};
use quafka::mapping::check_topics;

/// What `quafka import-connector` takes.
#[derive(Debug, Args)]
pub struct ImportConnector {
    /// The connector's configuration: JSON as sent to Connect's REST API, or a properties file; `-` is stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Prints the configuration to stdout and, to stderr, how much of it has no counterpart.
pub fn run(command: &ImportConnector) -> ExitCode {
    let file = command.file.as_path();
    match read(file).and_then(|text| imported(&text)) {
        Ok(imported) => {
            print!("{}", imported.toml);
            let lost = imported.notes.iter().filter(|note| note.lost).count();
            if lost > 0 {
                eprintln!(
                    "{lost} of the keys have no counterpart; the comments at the end say which, and why"
                );
            }
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("{}: {reason}", file.display());
            ExitCode::FAILURE
        }
    }
}

fn read(file: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        std::io::stdin().lock().read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    } else {
        bytes = std::fs::read(file).map_err(|error| error.to_string())?;
    }
    String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())
}

/// What `quafka serve` would only refuse when it starts is refused here.
fn imported(text: &str) -> Result<Imported, String> {
    let imported = import(text).map_err(|error| error.to_string())?;
    check_topics(&imported.loaded.config.topics).map_err(|(_, error)| {
        // All topics have the same settings, and two of the three names are the connector's, too.
        let key = if error.key() == "format" { "value.converter" } else { error.key() };
        format!("{key}: {}", error.reason())
    })?;
    Ok(imported)
}
