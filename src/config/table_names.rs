use super::column_names::{MAX_NAME_BYTES, is_illegal_in_names};

/// What is wrong with a table's name, as `TableUtils.isValidTableName` of QuestDB 9.3 has it.
pub fn fault_of_table_name(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("it is empty");
    }
    if name.len() > MAX_NAME_BYTES {
        return Some("it is longer than 127 bytes");
    }
    if name.chars().any(|character| character != '.' && character != '-' && is_illegal_in_names(character)) {
        return Some(
            "QuestDB takes no control characters and none of ? , ' \" \\ / : ( ) + * % ~ in a table's name",
        );
    }
    if name.starts_with('.') || name.ends_with('.') || name.contains("..") {
        return Some("QuestDB takes no dot at the start, at the end or after another in a table's name");
    }
    if name.starts_with(' ') || name.ends_with(' ') {
        return Some("QuestDB takes no space at the start or the end of a table's name");
    }
    // Table names ignore case. A topic such as telemetry_vehicles is nobody's but the user's.
    let lower = name.to_ascii_lowercase();
    if lower.starts_with("sys.") || lower == "telemetry" || lower == "telemetry_config" {
        return Some("QuestDB keeps this name for itself");
    }
    None
}
