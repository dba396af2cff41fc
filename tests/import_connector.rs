//! `quafka import-connector`, the real program.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What it says to a text on stdin.
fn import(text: &str) -> Output {
    let mut process = Command::new(env!("CARGO_BIN_EXE_quafka"))
        .args(["import-connector", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    process.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    process.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// The first block of a kind in docs/from-connector.md.
fn block(kind: &str) -> String {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/from-connector.md"))
        .unwrap();
    let (_, rest) = page.split_once(&format!("```{kind}\n")).unwrap();
    rest.split_once("```\n").unwrap().0.to_owned()
}

#[test]
fn the_page_shows_what_it_really_prints() {
    let output = import(&block("json"));
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), block("toml"));
    assert!(block("console").contains(text(&output.stderr)), "{}", text(&output.stderr));
}

#[test]
fn a_properties_file_says_the_same_as_json() {
    let properties = import("topics=a\nclient.conf.string=http::addr=h:1;\nsymbols=x,\\\n  y\n");
    let json = import(r#"{"topics":"a","client.conf.string":"http::addr=h:1;","symbols":"x,y"}"#);
    assert!(properties.status.success(), "{}", text(&properties.stderr));
    assert_eq!(text(&properties.stdout), text(&json.stdout));
    assert!(text(&json.stdout).contains("symbols = [\"x\", \"y\"]"));
}

#[test]
fn what_is_wrong_is_told_with_the_file_and_the_key_and_nothing_is_printed() {
    for (wrong, told) in [
        (r#"{"topics":"a","timestamp.units":"hours"}"#, "-: timestamp.units: `hours` is none of auto"),
        ("{", "-: is no JSON: EOF"),
        ("table=t", "-: topics: is missing"),
        ("topics=a..b\n", "-: table: topic \"a..b\" cannot be written to table \"a..b\""),
    ] {
        let output = import(wrong);
        assert_eq!(output.status.code(), Some(1), "{wrong}");
        assert_eq!(text(&output.stdout), "");
        assert!(text(&output.stderr).starts_with(told), "{wrong}: {}", text(&output.stderr));
    }
    let missing = Command::new(env!("CARGO_BIN_EXE_quafka"))
        .args(["import-connector", "no/such.json"])
        .output()
        .unwrap();
    assert_eq!(missing.status.code(), Some(1));
    assert!(text(&missing.stderr).starts_with("no/such.json: "), "{}", text(&missing.stderr));
}
