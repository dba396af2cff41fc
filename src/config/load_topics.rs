use super::create_table;
use super::file::{Report, Section};
use super::topics::{TimestampField, TimestampUnit, TopicPattern, TopicSettings, TopicsConfig};

/// More partitions than that would only make every Metadata response longer: they cost nothing, and give nothing.
const PARTITIONS_MAX: i64 = 1_000;

/// Reads all `[topics."PATTERN"]` tables.
pub(super) fn topics(top: &mut Section<'_>, report: &mut Report<'_>) -> TopicsConfig {
    let mut entries = Vec::new();
    for (name, mut section) in top.section("topics", report).named_sections(report) {
        let settings = settings(&mut section, report);
        section.finish(report);
        match name.parse::<TopicPattern>() {
            Ok(pattern) => entries.push((pattern, settings)),
            Err(reason) => report.error(&table_key(&name), reason),
        }
    }
    let topics = TopicsConfig::new(entries);
    check_merged(&topics, report);
    topics
}

/// The full key of a pattern's table.
pub(super) fn table_key(pattern: &str) -> String {
    format!("topics.\"{pattern}\"")
}

fn settings(section: &mut Section<'_>, report: &mut Report<'_>) -> TopicSettings {
    let table = section.value::<String>("table", report);
    if table.as_ref().is_some_and(|table| table.trim().is_empty()) {
        report.error(&section.full("table"), "is empty; leave it out to use the topic's name");
    }
    TopicSettings {
        table,
        partitions: partitions(section, report),
        timestamp: timestamp(section, report),
        symbols: columns(section, "symbols", report),
        doubles: columns(section, "doubles", report),
        include_key: section.value("include_key", report),
        auto_create: section.value("auto_create", report),
        create: create_table::load(section, report),
    }
}

fn partitions(section: &mut Section<'_>, report: &mut Report<'_>) -> Option<i32> {
    let partitions = section.value::<i64>("partitions", report)?;
    if !(1..=PARTITIONS_MAX).contains(&partitions) {
        let reason = format!("{partitions} is not between 1 and {PARTITIONS_MAX}");
        report.error(&section.full("partitions"), reason);
    }
    i32::try_from(partitions).ok()
}

fn timestamp(section: &mut Section<'_>, report: &mut Report<'_>) -> Option<TimestampField> {
    let key = section.full("timestamp");
    let mut inner = section.section("timestamp", report);
    if !inner.exists() {
        return None;
    }
    let field = inner.value::<String>("field", report);
    let unit = inner.value("unit", report).unwrap_or(TimestampUnit::Auto);
    let field_key = inner.full("field");
    inner.finish(report);
    match field {
        Some(field) if !field.is_empty() => Some(TimestampField { field, unit }),
        Some(_) => {
            report.error(&field_key, "is empty");
            None
        }
        None => {
            if !report.is_given(&field_key) {
                report.error(&key, "says no field; write { field = \"NAME\" }");
            }
            None
        }
    }
}

/// A list of column names. QuestDB's ignore case, so `Side` and `side` are one.
fn columns(section: &mut Section<'_>, key: &'static str, report: &mut Report<'_>) -> Option<Vec<String>> {
    let names = section.value::<Vec<String>>(key, report)?;
    let full = section.full(key);
    for (index, name) in names.iter().enumerate() {
        if name.is_empty() {
            report.error(&full, "has an empty column name");
        } else if names.iter().take(index).any(|other| same(other, name)) {
            report.error(&full, format!("names `{name}` twice"));
        }
    }
    Some(names)
}

/// What contradicts itself only when all tables that cover a topic are taken together. A pattern stands for the
/// topics that it covers: what covers all of them covers its text, too.
fn check_merged(topics: &TopicsConfig, report: &mut Report<'_>) {
    for (pattern, own) in topics.entries() {
        let merged = topics.of(pattern.as_str());
        let blame = |key: &str| format!("{}.{key}", table_key(pattern.as_str()));
        if own.create.is_some()
            && let Some(Err(fault)) = merged.create.as_ref().map(|create| create.check(&merged))
        {
            report.error(&blame(&format!("create.{}", fault.key)), fault.reason);
        }
        if own.symbols.is_none() && own.doubles.is_none() && own.timestamp.is_none() {
            continue;
        }
        // The table that is to blame is the most specific one that takes part.
        let lists_key = if own.doubles.is_some() { "doubles" } else { "symbols" };
        let in_both = merged.doubles.iter().find(|name| has(&merged.symbols, name));
        if let (Some(name), true) = (in_both, own.symbols.is_some() || own.doubles.is_some()) {
            let reason = format!("`{name}` is in both symbols and doubles; a column has one type");
            report.error(&blame(lists_key), reason);
        }
        if let Some(timestamp) = &merged.timestamp {
            for (key, list) in [("symbols", &merged.symbols), ("doubles", &merged.doubles)] {
                if has(list, &timestamp.field) {
                    let key = if own.timestamp.is_some() { "timestamp" } else { key };
                    let reason =
                        format!("`{}` is the timestamp, so it cannot be a column, too", timestamp.field);
                    report.error(&blame(key), reason);
                }
            }
        }
    }
}

fn has(names: &[String], name: &str) -> bool {
    names.iter().any(|other| same(other, name))
}

fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}
