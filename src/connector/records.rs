use super::ImportError;
use super::keys::Keys;
use crate::config::{LoneSurrogates, TopicSettings, Unsupported};

/// Tables, columns and what becomes of values without a type. After the timestamps.
pub(super) fn read(keys: &mut Keys, settings: &mut TopicSettings) -> Result<(), ImportError> {
    if let Some(table) = keys.take("table") {
        settings.table =
            Some(Some(table.parse().map_err(|reason: String| ImportError::new("table", reason))?));
    }
    settings.include_key = keys.take_bool("include.key")?;
    settings.key_prefix = keys.take("key.prefix");
    settings.value_prefix = keys.take("value.prefix");

    settings.symbols = columns("symbols", keys, settings);
    settings.doubles = columns("doubles", keys, settings);

    // As the connector has it.
    settings.widen_integers = Some(false);
    settings.lone_surrogates = Some(LoneSurrogates::Replace);
    let skips = keys.take_bool("skip.unsupported.types")?.unwrap_or(false);
    settings.unsupported = Some(if skips { Unsupported::Skip } else { Unsupported::Refuse });
    Ok(())
}

/// A list of columns, each once, without those that are the designated timestamp: it is no column besides.
fn columns(key: &str, keys: &mut Keys, settings: &TopicSettings) -> Option<Vec<String>> {
    let mut columns: Vec<String> = Vec::new();
    for name in keys.take_list(key)? {
        let timestamp = settings.timestamp.iter().flatten().flat_map(|timestamp| &timestamp.fields);
        if timestamp.into_iter().any(|field| same(field, &name)) {
            keys.note(key, format!("`{name}` is the timestamp, so it is no column of its own"));
        } else if !columns.iter().any(|column| same(column, &name)) {
            columns.push(name);
        }
    }
    Some(columns)
}

/// QuestDB's names ignore case.
fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}
