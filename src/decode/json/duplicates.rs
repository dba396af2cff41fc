use std::collections::{HashMap, HashSet};

use super::{JsonError, Scanner};

/// The members that a later member of the same object and name replaces, each by the offset of the byte after
/// its name's opening quote.
pub fn superseded_members(document: &[u8]) -> Result<HashSet<usize>, JsonError> {
    let mut superseded = HashSet::new();
    visit(&mut Scanner::new(document), &mut superseded)?;
    Ok(superseded)
}

fn visit(scanner: &mut Scanner<'_>, superseded: &mut HashSet<usize>) -> Result<(), JsonError> {
    if scanner.value_start()? != b'{' {
        return scanner.skip_value();
    }
    let mut last_by_name = HashMap::new();
    let mut more = scanner.first_member()?;
    while more {
        let start = scanner.offset();
        let mut name = Vec::new();
        scanner.string_after_quote()?.unescape_into(&mut name);
        if let Some(earlier) = last_by_name.insert(name, start) {
            superseded.insert(earlier);
        }
        scanner.colon()?;
        visit(scanner, superseded)?;
        more = scanner.next_member()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_each_object_stays() {
        let document = br#"{"a":1,"\u0061":2,"b":{"a":3,"a":4},"a":5}"#;
        let mut found: Vec<usize> = superseded_members(document).unwrap().into_iter().collect();
        found.sort_unstable();
        assert_eq!(found, [2, 8, 24]);
    }
}
