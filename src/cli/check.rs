//! `quafka check`: what `serve` would run with, and whether it can reach QuestDB.

use std::process::ExitCode;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use quafka::config::Loaded;
use questdb_confstr::parse_conf_str;
use tokio::net::TcpStream;

/// Longer than any QuestDB that is well takes.
const REACH_TIMEOUT: Duration = Duration::from_secs(10);

/// Prints the effective configuration to stdout, as a TOML file, and what QuestDB says to a visit.
pub async fn run(loaded: &Loaded) -> ExitCode {
    println!("{loaded}");
    let visit = tokio::time::timeout(REACH_TIMEOUT, reach_questdb(&loaded.config.questdb.conf)).await;
    let answer = visit.unwrap_or_else(|_| Err(format!("no answer within {} s", REACH_TIMEOUT.as_secs())));
    match answer {
        Ok(info) => {
            println!("# QuestDB {} answers. All is well.", info.version);
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("{}", loaded.error("questdb.conf", format!("cannot reach QuestDB: {reason}")));
            ExitCode::FAILURE
        }
    }
}

/// What QuestDB tells of itself.
struct QuestDbInfo {
    version: String,
}

/// Asks QuestDB for its settings. Never says a password in an error.
async fn reach_questdb(conf: &str) -> Result<QuestDbInfo, String> {
    let conf = parse_conf_str(conf).map_err(|error| error.kind().to_string())?;
    if !matches!(conf.service(), "http" | "ws") {
        return Err(format!("`check` cannot speak {} yet", conf.service()));
    }
    let addr = conf.get("addr").ok_or("the configuration string has no addr")?;
    let addr = if addr.contains(':') { addr.to_owned() } else { format!("{addr}:9000") };
    let stream = TcpStream::connect(&addr).await.map_err(|error| format!("{addr}: {error}"))?;
    let failed = |error: &dyn std::fmt::Display| format!("{addr} does not speak HTTP: {error}");
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
    let connection = tokio::spawn(connection);
    let request = Request::get("/settings").header("host", &addr).body(Empty::<Bytes>::new());
    let request = request.map_err(|error| failed(&error))?;
    let response = sender.send_request(request).await.map_err(|error| failed(&error))?;
    if response.status() != StatusCode::OK {
        return Err(format!("{addr} answered /settings with {}", response.status()));
    }
    let body = Limited::new(response.into_body(), 1 << 20).collect().await;
    connection.abort();
    let body = body.map_err(|error| failed(&error))?.to_bytes();
    let settings: serde_json::Value = serde_json::from_slice(&body)
        .map_err(|_| format!("{addr} answered /settings with something that is not QuestDB's"))?;
    // Older servers have the settings at the top.
    let release = "release.version";
    let version =
        settings.get("config").and_then(|config| config.get(release)).or_else(|| settings.get(release));
    let version = version.and_then(|version| version.as_str()).unwrap_or("of an unknown version").to_owned();
    Ok(QuestDbInfo { version })
}
