//! docs/configuration.md has all settings of topics, with the defaults that they have, and examples that load; and the
//! README promises what docs/reliability.md does.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;

use quafka::config::{self, Overrides, TopicConfig, TopicSettings};
use quafka::mapping::check_topics;

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn page() -> String {
    read("docs/configuration.md")
}

/// What stands under each `### `key`` of the page.
fn sections() -> BTreeMap<String, String> {
    let page = page();
    let section = |text: &str| {
        let (key, rest) = text.split_once("`\n").unwrap();
        let end = rest.find("\n## ").unwrap_or(rest.len());
        (key.to_owned(), rest[..end].to_owned())
    };
    page.split("\n### `").skip(1).map(section).collect()
}

/// The keys that there are, and their defaults.
fn settings() -> (Vec<&'static str>, BTreeMap<&'static str, String>) {
    (
        TopicSettings::KEYS.to_vec(),
        TopicSettings::complete(&TopicConfig::default()).to_toml().into_iter().collect(),
    )
}

#[test]
fn every_setting_has_a_section_and_every_section_a_setting() {
    let (mut keys, _) = settings();
    keys.sort_unstable();
    assert_eq!(sections().keys().map(String::as_str).collect::<Vec<_>>(), keys);
    let page = page();
    for key in keys {
        assert!(page.contains(&format!("[`{key}`](#{key})")), "{key} is not in the table of contents");
    }
}

/// The default is told as `by default X` in the section's first line.
#[test]
fn defaults_are_what_the_page_says() {
    let (_, defaults) = settings();
    for (key, section) in sections() {
        let first = section.trim_start().lines().next().unwrap();
        match defaults.get(key.as_str()).map(String::as_str) {
            // It is set to nothing, which no value stands for.
            None => assert!(!first.contains("by default `"), "{key}: {first}"),
            Some("[]" | "{}" | "\"\"") => assert!(first.contains("by default empty"), "{key}: {first}"),
            Some(value) => {
                assert!(first.contains(&format!("by default `{value}`")), "{key} is {value}: {first}")
            }
        }
    }
}

#[test]
fn examples_load() {
    for (key, section) in sections() {
        let first = section.trim_start().lines().next().unwrap();
        let example = first.rsplit('`').nth(1).unwrap();
        assert!(example.starts_with(&format!("{key} = ")), "{key}: {example}");
        load(&format!("[topics.t]\n{example}\n"));
    }
    let page = page();
    let file = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    load(file);
}

fn load(text: &str) {
    let loaded = config::parse(Path::new("example"), text, &Overrides::default())
        .unwrap_or_else(|errors| panic!("{text}\n{errors}"));
    // What a topic does with its records, which for two settings takes an engine.
    if cfg!(feature = "sql") || !text.contains("\ncolumns = ") && !text.contains("\nfilter = ") {
        check_topics(&loaded.config.topics).unwrap_or_else(|(_, error)| panic!("{text}\n{error}"));
    }
}

/// Nobody should be promised one thing here and another there.
#[test]
fn the_readme_promises_what_the_page_about_reliability_does() {
    let table = |path: &str| -> Vec<String> {
        let page = read(path);
        let lines = page.lines().skip_while(|line| !line.starts_with("| `durability` |"));
        lines.take_while(|line| line.starts_with('|')).map(str::to_owned).collect()
    };
    let promised = table("docs/reliability.md");
    assert_eq!(promised.len(), 5, "a header and three modes: {promised:?}");
    assert_eq!(table("README.md"), promised);
}
