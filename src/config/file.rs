//! Reads the TOML file key by key, and keeps for each where it stood.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::IntoDeserializer;
use toml::de::{DeTable, DeValue};

use super::words::in_words;
use super::{ConfigError, Origin, nearest};

/// What reading a configuration finds out besides the values: where they came from and what is wrong.
#[derive(Debug)]
pub(super) struct Report<'t> {
    path: Arc<Path>,
    text: &'t str,
    /// By full key. What is not in here is a default.
    pub origins: BTreeMap<String, Origin>,
    pub errors: Vec<ConfigError>,
}

impl<'t> Report<'t> {
    pub fn new(path: Arc<Path>, text: &'t str) -> Self {
        Self { path, text, origins: BTreeMap::new(), errors: Vec::new() }
    }

    /// Blames a setting, wherever its value came from.
    pub fn error(&mut self, key: &str, reason: impl Into<String>) {
        let origin = self.origins.get(key).cloned().unwrap_or_default();
        self.errors.push(ConfigError { key: key.to_owned(), origin, reason: reason.into() });
    }

    /// Whether the setting was given at all.
    pub fn is_given(&self, key: &str) -> bool {
        self.origins.contains_key(key)
    }

    pub fn syntax_error(&mut self, error: &toml::de::Error) {
        let origin = self.at(error.span().map_or(0, |span| span.start));
        // Only the first line: what follows would be the same in more words.
        let reason = error.message().lines().next().unwrap_or_default().to_owned();
        self.errors.push(ConfigError { key: String::new(), origin, reason });
    }

    /// The place in the file at a byte offset.
    fn at(&self, offset: usize) -> Origin {
        let before = self.text.as_bytes().get(..offset).unwrap_or(self.text.as_bytes());
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        Origin::File { path: self.path.clone(), line }
    }
}

/// A table of the file. Keys are taken out of it one by one; [`Section::finish`] complains of all that were not
/// asked for, so the list of known keys is the list of keys that are read.
#[derive(Debug)]
pub(super) struct Section<'a> {
    /// Absent where the file does not have the table.
    table: Option<&'a DeTable<'a>>,
    /// The table's own full name, empty at the top.
    name: String,
    known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    pub fn top(table: &'a DeTable<'a>) -> Self {
        Self { table: Some(table), name: String::new(), known: Vec::new() }
    }

    /// The full name of a key in this table.
    pub fn full(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    /// A key's value, where the file has it and it is right.
    pub fn value<T: for<'de> Deserialize<'de>>(
        &mut self,
        key: &'static str,
        report: &mut Report<'_>,
    ) -> Option<T> {
        let (full, value) = self.find(key, report)?;
        match T::deserialize(value.clone().into_deserializer()) {
            Ok(value) => Some(value),
            Err(error) => {
                report.error(&full, in_words(error.message()));
                None
            }
        }
    }

    /// A table within this one.
    pub fn section(&mut self, key: &'static str, report: &mut Report<'_>) -> Section<'a> {
        let mut section = Section { table: None, name: self.full(key), known: Vec::new() };
        if let Some((full, value)) = self.find(key, report) {
            match value.get_ref() {
                DeValue::Table(table) => section.table = Some(table),
                other => report.error(&full, format!("must be a table, not {}", with_article(other))),
            }
        }
        section
    }

    /// The tables in this one whose names the user chose, in the order of the file.
    pub fn named_sections(self, report: &mut Report<'_>) -> Vec<(String, Section<'a>)> {
        let mut entries: Vec<_> = self.table.into_iter().flatten().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        let mut sections = Vec::new();
        for (key, value) in entries {
            let full = self.full(&format!("\"{}\"", key.get_ref()));
            report.origins.insert(full.clone(), report.at(key.span().start));
            match value.get_ref() {
                DeValue::Table(table) => {
                    let section = Section { table: Some(table), name: full, known: Vec::new() };
                    sections.push((key.get_ref().clone().into_owned(), section));
                }
                other => report.error(&full, format!("must be a table, not {}", with_article(other))),
            }
        }
        sections
    }

    /// The texts in this table whose names the user chose, in the order of the file, with their full names.
    pub fn named_texts(self, report: &mut Report<'_>) -> Vec<(String, String, String)> {
        let mut entries: Vec<_> = self.table.into_iter().flatten().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        let mut texts = Vec::new();
        for (key, value) in entries {
            let full = self.full(key.get_ref());
            report.origins.insert(full.clone(), report.at(key.span().start));
            match value.get_ref() {
                DeValue::String(text) => {
                    texts.push((key.get_ref().clone().into_owned(), full, text.clone().into_owned()));
                }
                other => {
                    report.error(&full, format!("must be a text between quotes, not {}", with_article(other)))
                }
            }
        }
        texts
    }

    /// Whether the file has the table.
    pub fn exists(&self) -> bool {
        self.table.is_some()
    }

    /// Complains of the keys that nobody asked for.
    pub fn finish(self, report: &mut Report<'_>) {
        for (key, _) in self.table.into_iter().flatten() {
            let name: &str = key.get_ref();
            if !self.known.contains(&name) {
                let origin = report.at(key.span().start);
                let reason = unknown_key(name, &self.known);
                report.errors.push(ConfigError { key: self.full(name), origin, reason });
            }
        }
    }

    fn find(
        &mut self,
        key: &'static str,
        report: &mut Report<'_>,
    ) -> Option<(String, &'a toml::Spanned<DeValue<'a>>)> {
        self.known.push(key);
        let (name, value) = self.table?.iter().find(|(name, _)| name.get_ref() == key)?;
        let full = self.full(key);
        report.origins.insert(full.clone(), report.at(name.span().start));
        Some((full, value))
    }
}

/// A value's type, for a message.
fn with_article(value: &DeValue<'_>) -> String {
    let name = value.type_str();
    let article = if name.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {name}")
}

/// Names the nearest known key, or all of them where none is near.
fn unknown_key(name: &str, known: &[&str]) -> String {
    match nearest(name, known.iter().copied()) {
        Some(nearest) => format!("unknown key; did you mean `{nearest}`?"),
        None => format!("unknown key; known here: {}", known.join(", ")),
    }
}
