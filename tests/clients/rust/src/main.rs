//! Sends every line of a file as one record, by one of Rust's Kafka clients, and says as one line of JSON what became
//! of them. The arguments are the same for every client of `tests/clients`.

mod job;
mod rdkafka;
mod rskafka;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use crate::job::{Arguments, Client, Job, Tally};

/// How long the records may take altogether.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let client = arguments.client;
    let job = match Job::new(arguments) {
        Ok(job) => job,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::from(2);
        }
    };
    let sent = job.records.len();
    let mut tally = Tally::default();
    let produced = tokio::time::timeout(PATIENCE, produce(client, job, &mut tally)).await;
    match produced {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tally.fault(&error),
        Err(_) => tally.fault(&format!("not every record is settled after {} s", PATIENCE.as_secs())),
    }
    let (acked, errors) = tally.result();
    let told = serde_json::json!({
        "client": client.name(),
        "version": version(client),
        "sent": sent,
        "acked": acked,
        "errors": errors,
    });
    println!("{told}");
    if acked == sent && errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn produce(client: Client, job: Job, tally: &mut Tally) -> Result<(), Box<dyn Error>> {
    match client {
        Client::Rdkafka => rdkafka::produce(job, tally).await,
        Client::Rskafka => rskafka::produce(job, tally).await,
    }
}

fn version(client: Client) -> String {
    match client {
        Client::Rdkafka => {
            format!("{} (librdkafka {})", env!("RDKAFKA_VERSION"), ::rdkafka::util::get_rdkafka_version().1)
        }
        Client::Rskafka => env!("RSKAFKA_VERSION").to_owned(),
    }
}
