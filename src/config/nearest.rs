/// From here on two names are alike enough that one was probably meant by the other (Jaro-Winkler, 0 to 1).
const ALIKE: f64 = 0.75;

/// The known name that was probably meant. Names ignore case here.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_lowercase();
    let likeness = |name: &'a str| (strsim::jaro_winkler(&given, &name.to_lowercase()), name);
    known
        .into_iter()
        .map(likeness)
        .filter(|(likeness, _)| *likeness > ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_near_is_meant() {
        let known = ["field", "fields", "format", "unit"];
        assert_eq!(nearest("fomat", known), Some("format"));
        assert_eq!(nearest("FIELDS", known), Some("fields"));
        assert_eq!(nearest("untis", known), Some("unit"));
        for far in ["", "x", "timestamp", "missing"] {
            assert_eq!(nearest(far, known), None, "{far}");
        }
    }
}
