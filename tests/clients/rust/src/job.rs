//! What is to be sent and how, and what became of it.

use std::fmt::Display;
use std::path::PathBuf;

use clap::{ArgAction, Parser, ValueEnum};

/// How many errors are told; the others are only counted.
const ERRORS_TOLD: usize = 10;

#[derive(Parser)]
pub struct Arguments {
    pub client: Client,
    /// Bootstrap server, HOST:PORT.
    #[arg(long)]
    brokers: String,
    #[arg(long)]
    topic: String,
    /// File with one record a line.
    #[arg(long)]
    file: PathBuf,
    #[arg(long, default_value = "none")]
    codec: Codec,
    #[arg(long, default_value = "all")]
    acks: Acks,
    #[arg(long, default_value_t = false, action = ArgAction::Set)]
    idempotence: bool,
    /// Each line is key|value.
    #[arg(long)]
    keys: bool,
    /// Give each record three headers.
    #[arg(long)]
    headers: bool,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Client {
    Rdkafka,
    Rskafka,
}

impl Client {
    pub fn name(self) -> &'static str {
        match self {
            Self::Rdkafka => "rdkafka",
            Self::Rskafka => "rskafka",
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Codec {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub enum Acks {
    #[value(name = "0")]
    Zero,
    #[value(name = "1")]
    One,
    All,
}

pub struct Job {
    pub brokers: String,
    pub topic: String,
    pub codec: Codec,
    pub acks: Acks,
    pub idempotence: bool,
    pub headers: Vec<(String, Vec<u8>)>,
    pub records: Vec<Record>,
}

pub struct Record {
    pub key: Option<Vec<u8>>,
    pub value: Vec<u8>,
}

impl Job {
    pub fn new(given: Arguments) -> Result<Self, String> {
        if given.idempotence && given.acks != Acks::All {
            return Err("--idempotence true works with --acks all only".to_owned());
        }
        let text = std::fs::read_to_string(&given.file)
            .map_err(|error| format!("{}: {error}", given.file.display()))?;
        let records = text.lines().map(|line| record(line, given.keys)).collect::<Result<_, _>>()?;
        let mut headers = Vec::new();
        if given.headers {
            headers.push(("source".to_owned(), given.client.name().into()));
            headers.push(("trace".to_owned(), b"1".to_vec()));
            headers.push(("empty".to_owned(), Vec::new()));
        }
        Ok(Self {
            brokers: given.brokers,
            topic: given.topic,
            codec: given.codec,
            acks: given.acks,
            idempotence: given.idempotence,
            headers,
            records,
        })
    }
}

fn record(line: &str, keys: bool) -> Result<Record, String> {
    if !keys {
        return Ok(Record { key: None, value: line.into() });
    }
    let (key, value) = line.split_once('|').ok_or_else(|| format!("a line without a key: {line}"))?;
    Ok(Record { key: Some(key.into()), value: value.into() })
}

#[derive(Default)]
pub struct Tally {
    acked: usize,
    failed: usize,
    errors: Vec<String>,
}

impl Tally {
    /// To be called once for each record.
    pub fn settle(&mut self, delivered: Result<(), impl Display>) {
        match delivered {
            Ok(()) => self.acked += 1,
            Err(error) => self.fault(&error),
        }
    }

    pub fn fault(&mut self, error: &impl Display) {
        self.failed += 1;
        if self.errors.len() < ERRORS_TOLD {
            self.errors.push(error.to_string());
        }
    }

    /// How many were acknowledged, and the errors.
    pub fn result(mut self) -> (usize, Vec<String>) {
        let more = self.failed - self.errors.len();
        if more > 0 {
            self.errors.push(format!("and {more} more errors"));
        }
        (self.acked, self.errors)
    }
}
