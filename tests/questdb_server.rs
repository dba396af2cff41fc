//! The QuestDB that the demo and the other tests rest on: it keeps its data over a kill, and it never outlives us.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use quafka::demo::questdb_server::Options;
use support::QuestDbServer;

#[tokio::test]
async fn data_survives_a_kill_and_a_restart_on_the_same_port() {
    let mut questdb = QuestDbServer::start_own().await;
    let port = questdb.port();
    questdb.sql("CREATE TABLE kept (n LONG, ts TIMESTAMP) TIMESTAMP(ts) PARTITION BY DAY WAL").await;
    questdb.sql("INSERT INTO kept VALUES (42, '2026-01-01')").await;
    questdb.wait_for_rows("kept", 1, Duration::from_secs(30)).await;

    questdb.kill();
    assert!(questdb.try_sql("SELECT 1").await.is_err(), "a killed server does not answer");
    questdb.restart().await;

    assert_eq!(questdb.port(), port);
    assert_eq!(questdb.sql("SELECT n FROM kept").await, [[42]]);
    assert_eq!(questdb.count("no_such_table").await, 0);
}

#[tokio::test]
async fn a_paused_server_answers_only_after_resume() {
    let mut questdb = QuestDbServer::start_own().await;
    questdb.pause();
    let silence = tokio::time::timeout(Duration::from_millis(500), questdb.sql("SELECT 1")).await;
    assert!(silence.is_err(), "a paused server does not answer");
    questdb.resume();
    assert_eq!(questdb.sql("SELECT 1").await, [[1]]);
}

#[tokio::test]
async fn a_server_that_cannot_start_says_why() {
    let folder = tempfile::tempdir().unwrap();
    // QuestDB puts its tables in `db`.
    std::fs::write(folder.path().join("db"), "not a folder").unwrap();
    let options = Options { data_dir: Some(folder.path().to_owned()), ..Options::default() };
    let error = quafka::demo::questdb_server::QuestDbServer::start(options).await.unwrap_err().to_string();
    assert!(error.starts_with("cannot start QuestDB: it ended with exit status: "), "{error}");
    assert!(error.contains("questdb-output.log:\n"), "{error}");
}

const ROLE: &str = "QUESTDB_SERVER_TEST_ROLE";

/// Not a test by itself: what the next one runs as another process, and kills.
#[tokio::test]
async fn owner_of_a_server() {
    if std::env::var_os(ROLE).is_none() {
        return;
    }
    let questdb = QuestDbServer::start().await;
    println!("\nserver {} {}", questdb.id(), questdb.console());
    std::thread::sleep(Duration::from_secs(600));
}

#[test]
fn the_server_and_its_folder_go_when_the_owner_is_killed() {
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["owner_of_a_server", "--exact", "--nocapture"])
        .env(ROLE, "owner")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    let line = lines.map(Result::unwrap).find(|line| line.starts_with("server "));
    let line = line.expect("the owner started a server");
    let server: u32 = line.split(' ').nth(1).unwrap().parse().unwrap();
    let folder = data_folder_of(server);
    assert!(is_running(server) && Path::new(&folder).is_dir(), "{line}, {folder}");

    owner.kill().unwrap();
    owner.wait().unwrap();

    let deadline = Instant::now() + Duration::from_secs(20);
    while is_running(server) || Path::new(&folder).exists() {
        assert!(Instant::now() < deadline, "server {server} or {folder} outlives its owner");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The argument after `-d` of a running server.
fn data_folder_of(pid: u32) -> String {
    let mut arguments = String::new();
    std::fs::File::open(format!("/proc/{pid}/cmdline")).unwrap().read_to_string(&mut arguments).unwrap();
    arguments.split('\0').skip_while(|argument| *argument != "-d").nth(1).unwrap().to_owned()
}

/// A zombie, which nobody may have collected yet, does not count.
fn is_running(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}
