use std::collections::BTreeMap;

use super::ImportError;
use super::keys::Keys;
use crate::config::{Predicate, TopicSettings, Transform, TransformPart};

const KAFKA: &str = "org.apache.kafka.connect.transforms.";
const QUESTDB: &str = "io.questdb.kafka.";
const DEBEZIUM: &str = "io.debezium.transforms.";

/// The transforms that quafka has, and the package that each is from.
const TRANSFORMS: &[(&str, &str)] = &[
    (KAFKA, "Cast"),
    (KAFKA, "DropHeaders"),
    (KAFKA, "ExtractField"),
    (KAFKA, "Filter"),
    (KAFKA, "Flatten"),
    (KAFKA, "HeaderFrom"),
    (KAFKA, "HoistField"),
    (KAFKA, "InsertField"),
    (KAFKA, "InsertHeader"),
    (KAFKA, "MaskField"),
    (KAFKA, "RegexRouter"),
    (KAFKA, "ReplaceField"),
    (KAFKA, "SetSchemaMetadata"),
    (KAFKA, "TimestampConverter"),
    (KAFKA, "TimestampRouter"),
    (KAFKA, "ValueToKey"),
    (DEBEZIUM, "ExtractNewRecordState"),
    (QUESTDB, "OrderBookToArray"),
    (QUESTDB, "StructArrayExplode"),
];

const PREDICATES: &[&str] = &["TopicNameMatches", "HasHeaderKey", "RecordIsTombstone"];

/// `transforms` and `predicates` with all that belongs to them.
pub(super) fn read(keys: &mut Keys, settings: &mut TopicSettings) -> Result<(), ImportError> {
    let aliases = keys.take_list("transforms").unwrap_or_default();
    let mut predicates = BTreeMap::new();
    for alias in keys.take_list("predicates").unwrap_or_default() {
        let options = keys.take_all(&format!("predicates.{alias}."));
        predicates.insert(alias.clone(), predicate(&alias, options)?);
    }
    let mut transforms = Vec::new();
    for alias in aliases {
        let options = keys.take_all(&format!("transforms.{alias}."));
        transforms.extend(transform(&alias, options, &predicates, keys)?);
    }
    settings.transforms = (!transforms.is_empty()).then_some(transforms);
    Ok(())
}

fn transform(
    alias: &str,
    mut options: BTreeMap<String, String>,
    predicates: &BTreeMap<String, Predicate>,
    keys: &mut Keys,
) -> Result<Option<Transform>, ImportError> {
    let key = |name: &str| format!("transforms.{alias}.{name}");
    let class = options.remove("type").ok_or_else(|| ImportError::new(key("type"), "is missing"))?;
    let class = class.trim();
    let predicate = match options.remove("predicate") {
        None => None,
        Some(name) => Some(predicates.get(name.trim()).cloned().ok_or_else(|| {
            ImportError::new(key("predicate"), format!("`{name}` is not one of `predicates`"))
        })?),
    };
    let negate = match options.remove("negate").map(|value| value.trim().to_ascii_lowercase()).as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => {
            return Err(ImportError::new(key("negate"), format!("`{other}` is neither true nor false")));
        }
    };
    let (whole, of) = match class.rsplit_once('$') {
        Some((whole, "Key")) => (whole, Some(TransformPart::Key)),
        Some((whole, "Value")) => (whole, Some(TransformPart::Value)),
        _ => (class, None),
    };
    let known = TRANSFORMS.iter().find(|(package, name)| whole.strip_prefix(package) == Some(name));
    let Some((_, kind)) = known else {
        let reason = format!("`{class}` is no transform that quafka has, so records are written without it");
        keys.lose(key("type"), reason);
        return Ok(None);
    };
    Ok(Some(Transform { kind: (*kind).to_owned(), of, predicate, negate, options: table(options) }))
}

fn predicate(alias: &str, mut options: BTreeMap<String, String>) -> Result<Predicate, ImportError> {
    let key = format!("predicates.{alias}.type");
    let class = options.remove("type").ok_or_else(|| ImportError::new(key.as_str(), "is missing"))?;
    let kind = class.trim().strip_prefix(KAFKA).and_then(|rest| rest.strip_prefix("predicates."));
    match kind.filter(|kind| PREDICATES.contains(kind)) {
        Some(kind) => Ok(Predicate { kind: kind.to_owned(), options: table(options) }),
        // Without its condition a transform would do something else.
        None => Err(ImportError::new(
            key,
            format!("`{class}` is no predicate that quafka has; it has {}", PREDICATES.join(", ")),
        )),
    }
}

/// Options keep Connect's names and, as there, are all texts.
fn table(options: BTreeMap<String, String>) -> toml::Table {
    options.into_iter().map(|(name, value)| (name, toml::Value::String(value))).collect()
}
