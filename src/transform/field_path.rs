use super::options::Options;
use crate::decode::Value;

/// A field's name, or with `field.syntax.version = "V2"` (KIP-821) the names that lead to it, with dots between them;
/// a name in backticks may have dots in it.
#[derive(Debug)]
pub(super) struct FieldPath(Vec<String>);

impl FieldPath {
    /// Reads `path` as the options say.
    pub(super) fn new(path: &str, options: &mut Options) -> Result<Self, String> {
        match options.word("field.syntax.version", &["V1", "V2"])? {
            Some("V2") => nested(path).map(Self),
            _ => Ok(Self(vec![path.to_owned()])),
        }
    }

    /// The value there, to be changed. None: there is no such field.
    pub(super) fn of<'v>(&self, value: &'v mut Value) -> Option<&'v mut Value> {
        self.0.iter().try_fold(value, |value, step| match value {
            Value::Object(object) | Value::Map(object) => object.field_mut(step),
            _ => None,
        })
    }
}

fn nested(path: &str) -> Result<Vec<String>, String> {
    let mut steps = Vec::new();
    let mut rest = path;
    loop {
        let Some(quoted) = rest.strip_prefix('`') else {
            match rest.split_once('.') {
                None => steps.push(rest.to_owned()),
                Some((step, behind)) => {
                    steps.push(step.to_owned());
                    rest = behind;
                    continue;
                }
            }
            return Ok(steps);
        };
        // The backtick that ends it has a dot or nothing behind it, and no backslash before it.
        let end = quoted.match_indices('`').map(|(at, _)| at).find(|&at| {
            let behind = &quoted[at + 1..];
            !quoted[..at].ends_with('\\') && (behind.is_empty() || behind.starts_with('.'))
        });
        let Some(end) = end else { return Err(format!("`{path}` has a backtick that is not closed")) };
        steps.push(quoted[..end].replace("\\`", "`"));
        match quoted[end + 1..].strip_prefix('.') {
            Some(behind) => rest = behind,
            None => return Ok(steps),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::nested;

    #[test]
    fn names_with_dots_between_them() {
        for (path, steps) in [
            ("a", &["a"][..]),
            ("a.b.c", &["a", "b", "c"]),
            ("`a.b`.c", &["a.b", "c"]),
            ("a.`b.c`", &["a", "b.c"]),
            ("`a\\`.b`", &["a`.b"]),
            ("`a`b`", &["a`b"]),
            ("a.", &["a", ""]),
        ] {
            assert_eq!(nested(path).unwrap(), steps, "{path}");
        }
        assert!(nested("`a.b").is_err());
    }
}
