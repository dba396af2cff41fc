//! The table in docs/reliability.md.

use std::fs;
use std::path::Path;

use crate::site::Row;

const BEGIN: &str = "<!-- what `just faults` saw: written by it -->";
const END: &str = "<!-- until here -->";

/// The rows as a table.
pub fn table(rows: &[Row]) -> String {
    let mut text =
        "| fault | how | durability | runs | acked | lost | doubled | recovered within | its control |\n\
                    |---|---|---|---|---|---|---|---|---|\n"
            .to_owned();
    for row in rows {
        let seconds = row.recovery.as_secs_f64();
        text += &format!(
            "| {} | {} | {} | {} | {} | {} | {} | {seconds:.1} s | {} |\n",
            row.fault,
            row.how,
            row.mode,
            row.runs,
            grouped(row.acked),
            grouped(row.lost),
            grouped(row.doubled),
            row.controls.join("; "),
        );
    }
    text
}

/// Puts the table into the page, in the place of the one that is there.
pub fn write(page: &Path, table: &str) -> Result<(), String> {
    let complaint = |reason: &str| format!("{}: {reason}", page.display());
    let text = fs::read_to_string(page).map_err(|error| complaint(&error.to_string()))?;
    let (head, rest) = text.split_once(BEGIN).ok_or_else(|| complaint("has no place for the table"))?;
    let (_, tail) = rest.split_once(END).ok_or_else(|| complaint("has no end of the table"))?;
    let text = format!("{head}{BEGIN}\n\n{table}\n{END}{tail}");
    fs::write(page, text).map_err(|error| complaint(&error.to_string()))
}

/// 1234567 as 1,234,567.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
