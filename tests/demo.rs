//! `quafka demo` as a user runs it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use quafka::demo::questdb_server::free_port;
use support::QuestDbServer;

fn demo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quafka"));
    let listen = format!("127.0.0.1:{}", free_port().unwrap());
    command.args(["demo", "--rate", "5000", "--listen", &listen]).args(arguments);
    command.env_remove("QUAFKA_QUESTDB").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn said(output: &Output) -> String {
    let Output { status, stdout, stderr } = output;
    format!("{status}\n{}\n{}", String::from_utf8_lossy(stdout), String::from_utf8_lossy(stderr))
}

/// The processes whose command line holds a text.
fn processes_with(text: &str) -> Vec<u32> {
    let all = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    all.filter(|pid: &u32| {
        std::fs::read(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).contains(text))
    })
    .collect()
}

/// The data folder of the QuestDB that a running demo has started.
fn data_folder_of_child(demo: u32) -> Option<String> {
    let children = processes_with("io.questdb.ServerMain").into_iter().filter(|pid| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)?.parse().ok()) == Some(demo)
    });
    let line =
        children.filter_map(|pid| std::fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()).next()?;
    line.split('\0').skip_while(|argument| *argument != "-d").nth(1).map(str::to_owned)
}

#[test]
fn a_demo_with_an_end_shows_that_all_rows_arrived() {
    let output = demo(&["--for", "3s"]).output().unwrap();
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    let summary = said.lines().find(|line| line.contains(" rows sent, ")).expect(&said);
    let numbers: Vec<u64> = summary
        .split(": ")
        .nth(1)
        .and_then(|text| text.split(';').next())
        .unwrap()
        .split(", ")
        .map(|part| part.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap())
        .collect();
    assert!(numbers.len() == 3 && numbers[0] > 5_000, "{summary}");
    assert!(numbers.iter().all(|number| *number == numbers[0]), "{summary}");
}

#[tokio::test]
async fn a_demo_on_a_given_questdb_uses_a_table_of_its_own() {
    let questdb = QuestDbServer::start().await;
    let conf = questdb.http_conf();
    let run = move || demo(&["--for", "2s", "--questdb", &conf]).output().unwrap();
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(questdb.count("quafka_demo_trades").await > 1_000);
    assert_eq!(questdb.count("trades").await, 0);
}

#[test]
fn ctrl_c_ends_the_demo_and_its_questdb() {
    let mut child = demo(&[]).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let folder = loop {
        if let Some(folder) = data_folder_of_child(child.id()) {
            break folder;
        }
        assert!(
            Instant::now() < deadline && child.try_wait().unwrap().is_none(),
            "the demo starts no QuestDB"
        );
        std::thread::sleep(Duration::from_millis(50));
    };
    // Some of it while QuestDB starts, some while trades flow; either way nothing may stay.
    std::thread::sleep(Duration::from_secs(10));
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(processes_with(&folder), [0_u32; 0]);
    assert!(!std::path::Path::new(&folder).exists(), "{folder} is left");
}

#[test]
fn a_port_that_is_taken_is_named_before_anything_starts() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_quafka"));
    let output = command.args(["demo", "--listen", &taken.to_string()]).output().unwrap();
    assert!(!output.status.success());
    let said = said(&output);
    assert!(said.contains(&format!("{taken} is taken by another process")), "{said}");
    assert!(said.contains("quafka demo --listen 127.0.0.1:"), "{said}");
}

#[test]
fn without_java_both_ways_on_are_shown() {
    let empty = tempfile::tempdir().unwrap();
    let output = demo(&[]).env("PATH", empty.path()).env_remove("JAVA_HOME").output().unwrap();
    assert!(!output.status.success());
    let said = said(&output);
    assert!(said.contains("Java is missing") && said.contains("openjdk-17-jdk-headless"), "{said}");
    assert!(said.contains("--questdb \"http::addr=127.0.0.1:9000;\""), "{said}");
}
