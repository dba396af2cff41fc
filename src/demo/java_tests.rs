use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

#[test]
fn versions_of_old_and_new_javas() {
    let cases = [
        ("openjdk version \"17.0.15\" 2025-04-15\nOpenJDK Runtime Environment (build 17)", Some(17)),
        ("openjdk version \"25\" 2025-09-16", Some(25)),
        ("openjdk version \"25-ea\" 2025-09-16", Some(25)),
        ("openjdk version \"21.0.4\" 2024-07-16 LTS", Some(21)),
        ("java version \"1.8.0_412\"", Some(8)),
        ("openjdk version \"9-internal\"", Some(9)),
        ("Picked up _JAVA_OPTIONS: -Xmx1g\nopenjdk version \"11.0.2\" 2019-01-15", Some(11)),
        ("The operation couldn't be completed. Unable to locate a Java Runtime.", None),
        ("openjdk version \"\"", None),
        ("", None),
    ];
    for (output, version) in cases {
        assert_eq!(parse_version(output), version, "{output}");
    }
}

fn fake_java(folder: &Path, says: &str) -> PathBuf {
    fs::create_dir_all(folder).unwrap();
    let program = folder.join("java");
    fs::write(&program, format!("#!/bin/sh\necho '{says}' >&2\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    program
}

#[test]
fn no_java_at_all() {
    let empty = tempfile::tempdir().unwrap();
    let search = SearchPath { java_home: None, path: empty.path().into() };
    assert_eq!(
        find_java(&search).unwrap_err().to_string(),
        "Java is missing: there is no `java` in PATH, and JAVA_HOME is not set. QuestDB needs a JDK 17 or newer.\n\
         Either install it (Debian, Ubuntu: `apt install openjdk-17-jdk-headless`), or point quafka at a QuestDB that is \
         already running: --questdb \"http::addr=127.0.0.1:9000;\""
    );
}

#[test]
fn a_java_that_is_too_old_is_named_with_its_version() {
    let folder = tempfile::tempdir().unwrap();
    let program = fake_java(folder.path(), "openjdk version \"11.0.2\" 2019-01-15");
    let error =
        find_java(&SearchPath { java_home: None, path: folder.path().into() }).unwrap_err().to_string();
    let start = format!(
        "Java is too old: {} is version 11; QuestDB needs a JDK 17 or newer.\nEither install it",
        program.display()
    );
    assert!(error.starts_with(&start), "{error}");
}

#[test]
fn a_java_that_says_nothing_useful_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    fake_java(folder.path(), "Unable to locate a Java Runtime.");
    let error =
        find_java(&SearchPath { java_home: None, path: folder.path().into() }).unwrap_err().to_string();
    assert!(error.contains("said `Unable to locate a Java Runtime.`"), "{error}");
}

#[test]
fn an_old_java_home_does_not_hide_a_newer_java_on_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let (home, path) = (folder.path().join("home"), folder.path().join("path"));
    fake_java(&home.join("bin"), "java version \"1.8.0_412\"");
    let newer = fake_java(&path, "openjdk version \"21.0.4\" 2024-07-16");
    let search = SearchPath { java_home: Some(home), path: path.into() };
    assert_eq!(find_java(&search).unwrap(), Java { program: newer, version: 21 });
}

#[test]
fn flags_follow_the_release() {
    assert_eq!(questdb_flags(17).len(), 4);
    assert_eq!(questdb_flags(21).len(), 4);
    assert_eq!(questdb_flags(25).len(), 7);
}
