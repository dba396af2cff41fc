use std::ops::RangeInclusive;

use super::column_names::{fault_of_column_name, has, same};
use super::file::{Report, Section};
use super::topics::{Format, TopicPattern, TopicSettings, TopicsConfig};

/// More partitions than that would only make every Metadata response longer: they cost nothing, and give nothing.
const PARTITIONS: RangeInclusive<i32> = 1..=1_000;

/// Reads all `[topics."PATTERN"]` tables.
pub(super) fn topics(top: &mut Section<'_>, has_registry: bool, report: &mut Report<'_>) -> TopicsConfig {
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
    check_merged(&topics, has_registry, report);
    topics
}

/// The full key of a pattern's table.
pub(super) fn table_key(pattern: &str) -> String {
    format!("topics.\"{pattern}\"")
}

fn settings(section: &mut Section<'_>, report: &mut Report<'_>) -> TopicSettings {
    let settings = TopicSettings::read(section, report);
    if let Some(partitions) = settings.partitions.filter(|partitions| !PARTITIONS.contains(partitions)) {
        let reason = format!("{partitions} is not between {} and {}", PARTITIONS.start(), PARTITIONS.end());
        report.error(&section.full("partitions"), reason);
    }
    if let Some(format @ (Format::Csv | Format::Influx)) = settings.key_format {
        let reason = format!("`{format}` is for values; keys are one value, such as `json` or `text`");
        report.error(&section.full("key_format"), reason);
    }
    for (key, format) in [("format", settings.format), ("key_format", settings.key_format)] {
        if let Some(later @ Format::JsonSchema) = format {
            report.error(&section.full(key), format!("`{later}` is not there yet"));
        }
    }
    for (key, schema) in [("schema", &settings.schema), ("key_schema", &settings.key_schema)] {
        if let Some(Some(schema)) = schema
            && schema.file.as_os_str().is_empty()
        {
            report.error(&section.full(key), "names no file");
        }
    }
    for (key, names) in [
        ("symbols", settings.symbols.as_ref()),
        ("doubles", settings.doubles.as_ref()),
        ("timestamp_fields", settings.timestamp_fields.as_ref()),
        ("only", settings.only.as_ref().and_then(Option::as_ref)),
        ("drop", settings.drop.as_ref()),
        ("required", settings.required.as_ref()),
    ] {
        if let Some(reason) = names.and_then(|names| fault_of_columns(names)) {
            report.error(&section.full(key), reason);
        }
    }
    for (key, reason) in faults_of_names(&settings) {
        report.error(&section.full(key), reason);
    }
    let computed: Vec<String> = settings.columns.iter().flatten().map(|(name, _)| name.clone()).collect();
    if let Some(reason) = fault_of_columns(&computed) {
        report.error(&section.full("columns"), reason);
    }
    let is_scalar = |value: &toml::Value| !matches!(value, toml::Value::Array(_) | toml::Value::Table(_));
    let defaults = settings.defaults.iter().flatten();
    for (column, _) in defaults.filter(|(_, value)| !is_scalar(value)) {
        let reason =
            format!("`{column}` has a table or an array; a default is a text, a number or a boolean");
        report.error(&section.full("defaults"), reason);
    }
    settings
}

/// Columns that no record could have, because QuestDB does not take their names: better told now than record by record.
fn faults_of_names(settings: &TopicSettings) -> Vec<(&'static str, String)> {
    let mut faults = Vec::new();
    let mut note = |key, name: &str, column: &str| {
        if let Some(reason) = fault_of_column_name(column) {
            faults.push((key, format!("`{name}` cannot be a column: {reason}")));
        }
    };
    settings.columns.iter().flatten().for_each(|(column, _)| note("columns", column, column));
    // A dot becomes `_` where a field's name becomes a column's.
    let mut check = |key, name: &str| note(key, name, &name.replace('.', "_"));
    settings.rename.iter().flatten().for_each(|(_, to)| check("rename", to));
    settings.record_columns.iter().flatten().for_each(|(_, column)| check("record_columns", column));
    settings.defaults.iter().flatten().for_each(|(column, _)| check("defaults", column));
    let prefixes = [
        ("key_prefix", &settings.key_prefix),
        ("value_prefix", &settings.value_prefix),
        ("header_prefix", &settings.header_prefix),
    ];
    for (key, prefix) in prefixes {
        prefix.iter().filter(|prefix| !prefix.is_empty()).for_each(|prefix| check(key, prefix));
    }
    faults
}

/// What is wrong with a list of column names. QuestDB's ignore case, so `Side` and `side` are one.
fn fault_of_columns(names: &[String]) -> Option<String> {
    if names.iter().any(String::is_empty) {
        return Some("has an empty column name".to_owned());
    }
    let twice = |(index, name): &(usize, &String)| names.iter().take(*index).any(|other| same(other, name));
    names.iter().enumerate().find(twice).map(|(_, name)| format!("names `{name}` twice"))
}

/// What contradicts itself only when all tables that cover a topic are taken together. A pattern stands for the
/// topics that it covers: what covers all of them covers its text, too.
fn check_merged(topics: &TopicsConfig, has_registry: bool, report: &mut Report<'_>) {
    for (pattern, own) in topics.entries() {
        let merged = topics.of(pattern.as_str());
        let blame = |key: &str| format!("{}.{key}", table_key(pattern.as_str()));
        if merged.format == Format::Csv && merged.csv.is_none() && own.format.is_some() {
            let reason = "needs to know the columns: csv = { columns = [\"a\", \"b\"] }".to_owned();
            report.error(&blame("format"), format!("`csv` {reason}"));
        }
        for (part, format, format_is_own, schema, schema_is_own) in [
            ("", merged.format, own.format.is_some(), &merged.schema, own.schema.is_some()),
            (
                "key_",
                merged.key_format,
                own.key_format.is_some(),
                &merged.key_schema,
                own.key_schema.is_some(),
            ),
        ] {
            if !format_is_own && !schema_is_own {
                continue;
            }
            let extension = match format {
                Format::Avro => Some("avsc"),
                Format::Protobuf => Some("proto"),
                _ => None,
            };
            if let Some(extension) = extension
                && schema.is_none()
                && !has_registry
            {
                let reason = format!(
                    "`{format}` needs a schema: a registry, `[registry]`, or a file, {part}schema = {{ file = \"x.{extension}\" }}"
                );
                report.error(&blame(&format!("{part}format")), reason);
            }
            if let Some(schema) = schema
                && format != Format::Protobuf
                && let Some(only) =
                    [("message", schema.message.is_some()), ("include", schema.include.is_some())]
                        .into_iter()
                        .find_map(|(key, is_there)| is_there.then_some(key))
            {
                let reason =
                    format!("has `{only}`, which only Protobuf's have, and the format is `{format}`");
                report.error(&blame(&format!("{part}schema")), reason);
            }
        }
        if own.create.is_some()
            && let Some(Err(fault)) = merged.create.as_ref().map(|create| create.check(&merged))
        {
            report.error(&blame(&format!("create.{}", fault.key)), fault.reason);
        }
        if own.symbols.is_none() && own.doubles.is_none() && own.timestamp.is_none() {
            continue;
        }
        // The table that is to blame is the most specific one that takes part.
        for field in merged.timestamp.iter().flat_map(|timestamp| &timestamp.fields) {
            for (key, list) in [("symbols", &merged.symbols), ("doubles", &merged.doubles)] {
                if has(list, field) {
                    let key = if own.timestamp.is_some() { "timestamp" } else { key };
                    let reason = format!(
                        "`{field}` is the timestamp, so it cannot be a column, too; take it off `symbols` and `doubles`"
                    );
                    report.error(&blame(key), reason);
                }
            }
        }
    }
}
