use std::collections::BTreeMap;

use crate::config::nearest;

/// A transform's own options, by Kafka Connect's names. `"static.field" = "a"` and `static.field = "a"`, which TOML
/// takes for a table in a table, are the same.
#[derive(Debug)]
pub(super) struct Options {
    given: BTreeMap<String, toml::Value>,
    known: Vec<&'static str>,
}

impl Options {
    pub(super) fn new(table: &toml::Table) -> Self {
        let mut given = BTreeMap::new();
        collect("", table, &mut given);
        Self { given, known: Vec::new() }
    }

    /// Checks that nobody has given an option that nobody has asked for.
    pub(super) fn finish(self) -> Result<(), String> {
        let Some(unknown) = self.given.keys().next() else { return Ok(()) };
        Err(match nearest(unknown, self.known.iter().copied()) {
            Some(name) => format!("there is no option `{unknown}`; did you mean `{name}`?"),
            None if self.known.is_empty() => format!("there is no option `{unknown}`, and no other either"),
            None => format!("there is no option `{unknown}`; there are {}", self.known.join(", ")),
        })
    }

    /// A text; a number or a boolean is as good.
    pub(super) fn text(&mut self, key: &'static str) -> Result<Option<String>, String> {
        self.known.push(key);
        self.given.remove(key).map(|value| scalar(key, &value)).transpose()
    }

    /// A text that has to be there.
    pub(super) fn required(&mut self, key: &'static str) -> Result<String, String> {
        match self.text(key)? {
            Some(text) if !text.is_empty() => Ok(text),
            Some(_) => Err(format!("`{key}` is empty")),
            None => Err(format!("it needs `{key}`")),
        }
    }

    /// One of several words, or the first of them.
    pub(super) fn word(
        &mut self,
        key: &'static str,
        words: &[&'static str],
    ) -> Result<Option<&'static str>, String> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        match words.iter().find(|word| **word == text) {
            Some(word) => Ok(Some(word)),
            None => Err(format!("`{key}` is one of {}, not `{text}`", words.join(", "))),
        }
    }

    pub(super) fn boolean(&mut self, key: &'static str) -> Result<Option<bool>, String> {
        Ok(self.word(key, &["true", "false"])?.map(|word| word == "true"))
    }

    /// A list: an array, or a text with commas, as Kafka Connect has it.
    pub(super) fn list(&mut self, key: &'static str) -> Result<Vec<String>, String> {
        self.known.push(key);
        match self.given.remove(key) {
            None => Ok(Vec::new()),
            Some(toml::Value::Array(items)) => items.iter().map(|item| scalar(key, item)).collect(),
            Some(value) => Ok(scalar(key, &value)?
                .split(',')
                .map(|item| item.trim().to_owned())
                .filter(|item| !item.is_empty())
                .collect()),
        }
    }

    /// A list that has to have something in it.
    pub(super) fn required_list(&mut self, key: &'static str) -> Result<Vec<String>, String> {
        let list = self.list(key)?;
        if list.is_empty() { Err(format!("it needs `{key}`, a list of names")) } else { Ok(list) }
    }

    /// Pairs: a table, or a list of `a:b`.
    pub(super) fn pairs(&mut self, key: &'static str) -> Result<Vec<(String, Option<String>)>, String> {
        if !self.given.contains_key(key) {
            self.known.push(key);
            let prefix = format!("{key}.");
            let names: Vec<_> = self.given.keys().filter(|name| name.starts_with(&prefix)).cloned().collect();
            return names
                .into_iter()
                .filter_map(|name| {
                    let value = self.given.remove(&name)?;
                    Some(scalar(key, &value).map(|value| (name[prefix.len()..].to_owned(), Some(value))))
                })
                .collect();
        }
        let pair = |item: String| match item.split_once(':') {
            None => Ok((item, None)),
            Some((one, other)) if !one.is_empty() && !other.is_empty() && !other.contains(':') => {
                Ok((one.trim().to_owned(), Some(other.trim().to_owned())))
            }
            Some(_) => Err(format!("`{key}` has `{item}`, which is no pair such as `a:b`")),
        };
        self.list(key)?.into_iter().map(pair).collect()
    }

    /// `replace.null.with.default`, which many transforms of Kafka Connect have. Here a null that has a default is
    /// replaced when the record is read.
    pub(super) fn ignored_default(&mut self) -> Result<(), String> {
        self.boolean("replace.null.with.default").map(drop)
    }
}

fn collect(prefix: &str, table: &toml::Table, out: &mut BTreeMap<String, toml::Value>) {
    for (key, value) in table {
        let key = format!("{prefix}{key}");
        match value {
            toml::Value::Table(inner) => collect(&format!("{key}."), inner, out),
            value => {
                out.insert(key, value.clone());
            }
        }
    }
}

fn scalar(key: &str, value: &toml::Value) -> Result<String, String> {
    match value {
        toml::Value::String(text) => Ok(text.clone()),
        toml::Value::Integer(_) | toml::Value::Float(_) | toml::Value::Boolean(_) => Ok(value.to_string()),
        other => Err(format!("`{key}` has a value of type {}, where a text belongs", other.type_str())),
    }
}
