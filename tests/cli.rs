//! The command line's contract, against the real binary.

// Helpers count as code that runs, but these are only called by tests.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};

/// `quafka` with nothing of this process's environment that it reads.
fn quafka(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quafka"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("QUAFKA_") || name == "RUST_LOG" {
            command.env_remove(name);
        }
    }
    command.args(arguments);
    command
}

struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn run(command: &mut Command) -> Ran {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

/// What QuestDB 9 tells of itself.
const SETTINGS: &str = r#"{"config":{"release.type":"OSS","release.version":"9.1.0","http.settings.readonly":false,"line.proto.support.versions":[1,2],"ilp.proto.transports":["tcp","http"]},"preferences.version":0,"preferences":{}}"#;

/// A server that answers as QuestDB does, for as long as the test process lives. The configuration string for it.
fn questdb() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || answer(stream.unwrap()));
        }
    });
    format!("http::addr={address};")
}

/// Answers requests without a body until the client goes.
fn answer(mut stream: TcpStream) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    while let Some(Ok(request)) = lines.next() {
        while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
        let body = if request.starts_with("GET /settings") { SETTINGS } else { r#"{"dataset":[[1]]}"# };
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn file(directory: &Path, text: &str) -> String {
    let path = directory.join("quafka.toml");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// What the effective configuration says of a key, and where it is from.
fn line<'a>(shown: &'a str, key: &str) -> (&'a str, &'a str) {
    let found = shown.lines().find(|line| line.starts_with(&format!("{key} = ")));
    let (value, origin) = found.unwrap_or_else(|| panic!("no {key} in\n{shown}")).split_once("  # ").unwrap();
    (value.trim_end().split_once(" = ").unwrap().1, origin)
}

#[test]
fn version_is_the_packages() {
    let ran = run(&mut quafka(&["--version"]));
    assert_eq!(ran.stdout, format!("quafka {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(ran.code, Some(0));
}

#[test]
fn help_names_every_flag_and_its_variable() {
    for command in ["serve", "check"] {
        let ran = run(&mut quafka(&[command, "--help"]));
        for name in ["config", "listen", "advertise", "questdb", "data-dir", "admin"] {
            let variable = format!("[env: QUAFKA_{}", name.to_uppercase().replace('-', "_"));
            assert!(ran.stdout.contains(&format!("--{name} ")), "{name}\n{}", ran.stdout);
            assert!(ran.stdout.contains(&variable), "{variable}\n{}", ran.stdout);
        }
    }
}

#[test]
fn help_does_not_show_a_password_from_the_environment() {
    for command in ["serve", "check", "demo"] {
        let ran = run(quafka(&[command, "--help"]).env("QUAFKA_QUESTDB", "http::password=hunter2;"));
        assert!(!ran.stdout.contains("hunter2"), "{}", ran.stdout);
    }
}

#[test]
fn check_prints_the_defaults_when_nothing_is_said() {
    let conf = questdb();
    let ran = run(&mut quafka(&["check", "--questdb", &conf]));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(line(&ran.stdout, "listen"), ("\"127.0.0.1:9092\"", "default"));
    assert_eq!(line(&ran.stdout, "admin"), ("\"127.0.0.1:9644\"", "default"));
    assert!(ran.stdout.contains("QuestDB 9.1.0"), "{}", ran.stdout);
}

#[test]
fn flags_win_over_environment_over_file() {
    let directory = tempfile::tempdir().unwrap();
    let conf = questdb();
    let text =
        "listen = \"127.0.0.1:1\"\nadvertise = \"file:1\"\nadmin = \"127.0.0.1:11\"\ndata_dir = \"/file\"";
    let path = file(directory.path(), text);
    let ran = run(quafka(&["check", "--listen", "127.0.0.1:3", "--questdb", &conf])
        .env("QUAFKA_CONFIG", &path)
        .env("QUAFKA_LISTEN", "127.0.0.1:2")
        .env("QUAFKA_ADVERTISE", "environment:2")
        .env("QUAFKA_QUESTDB", "http::addr=nowhere.invalid:1;")
        .env("QUAFKA_DATA_DIR", ""));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(line(&ran.stdout, "listen"), ("\"127.0.0.1:3\"", "--listen"));
    assert_eq!(line(&ran.stdout, "advertise"), ("\"environment:2\"", "QUAFKA_ADVERTISE"));
    assert_eq!(line(&ran.stdout, "admin"), ("\"127.0.0.1:11\"", &*format!("{path}:3")));
    assert_eq!(line(&ran.stdout, "conf").1, "--questdb");
    // A variable that is empty is one that is not set.
    assert_eq!(line(&ran.stdout, "data_dir"), ("\"/file\"", &*format!("{path}:4")));
}

#[test]
fn check_tells_all_that_is_wrong_and_fails() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), "[limits]\nmemroy = \"1GiB\"\nrequest_bytes = \"lots\"\n");
    for command in ["check", "serve"] {
        let ran = run(quafka(&[command, "--config", &path]).env("QUAFKA_LISTEN", "9092"));
        assert_eq!(ran.code, Some(1));
        assert_eq!(ran.stdout, "");
        assert!(
            ran.stderr.contains(&format!("{path}:2: limits.memroy: unknown key; did you mean `memory`?\n")),
            "{}",
            ran.stderr
        );
        assert!(
            ran.stderr.contains(&format!("{path}:3: limits.request_bytes: `lots` is not a size")),
            "{}",
            ran.stderr
        );
        assert!(ran.stderr.contains("QUAFKA_LISTEN: listen: `9092` is not HOST:PORT"), "{}", ran.stderr);
    }
}

#[test]
fn check_fails_when_the_file_is_not_there() {
    let ran = run(&mut quafka(&["check", "--config", "/no/such.toml"]));
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("cannot read /no/such.toml"), "{}", ran.stderr);
}

#[test]
fn check_fails_when_questdb_does_not_answer_and_keeps_the_password() {
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let conf = format!("http::addr={address};username=ann;password=hunter2;");
    let path = file(directory.path(), &format!("\n[questdb]\nconf = \"{conf}\"\n"));
    let ran = run(&mut quafka(&["check", "--config", &path]));
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.starts_with(&format!("{path}:3: questdb.conf: ")), "{}", ran.stderr);
    assert!(ran.stderr.contains(&address.to_string()), "{}", ran.stderr);
    assert!(!(ran.stderr + &ran.stdout).contains("hunter2"));
}

#[test]
fn a_log_filter_that_is_wrong_is_blamed_by_its_name() {
    let ran = run(quafka(&["check"]).env("QUAFKA_LOG", "quafka=loud"));
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("QUAFKA_LOG: `quafka=loud`"), "{}", ran.stderr);
}
