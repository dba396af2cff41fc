//! The transforms of QuestDB's Kafka connector: an array of objects becomes arrays of numbers.

use std::collections::HashSet;

use super::java_number::parse_double;
use super::options::Options;
use super::{Change, Flow, Part};
use crate::decode::{Message, Object, Value};

/// An array of objects becomes one array of arrays, one for each of the objects' fields: an order book's
/// `[{"px": 1, "size": 2}, …]` becomes `[[1, …], [2, …]]`.
#[derive(Debug)]
pub(super) struct OrderBookToArray {
    part: Part,
    mappings: Vec<OneTarget>,
}

#[derive(Debug)]
struct OneTarget {
    source: String,
    target: String,
    fields: Vec<String>,
}

impl OrderBookToArray {
    pub(super) fn new(part: Part, options: &mut Options) -> Result<Self, String> {
        let mappings = mappings(options)?
            .into_iter()
            .map(|[source, target, fields]| OneTarget { source, target, fields: names(&fields) })
            .collect();
        Ok(Self { part, mappings })
    }
}

impl Change for OrderBookToArray {
    fn apply(&self, message: &mut Message) -> Result<Flow, String> {
        let has_schema = self.part.has_schema(message);
        if *self.part.of(message) == Value::Null {
            return Ok(Flow::Keep);
        }
        let object = self.part.object(message)?;
        // A schema is made anew, with the targets in it only as arrays.
        if has_schema {
            object.0.retain(|(name, _)| {
                let is_target = self.mappings.iter().any(|mapping| mapping.target == *name);
                !is_target || self.mappings.iter().any(|mapping| mapping.source == *name)
            });
        }
        for mapping in &self.mappings {
            let Some(entries) = entries(object, &mapping.source)? else { continue };
            let columns: Result<Vec<_>, _> =
                mapping.fields.iter().map(|field| numbers(&entries, &mapping.source, field)).collect();
            object.set(&mapping.target, Value::Array(columns?));
        }
        Ok(Flow::Keep)
    }
}

/// An array of objects becomes several arrays of numbers, one for each of the objects' fields.
#[derive(Debug)]
pub(super) struct StructArrayExplode {
    part: Part,
    mappings: Vec<ManyTargets>,
}

#[derive(Debug)]
struct ManyTargets {
    source: String,
    /// Each target, and the field that it is made of.
    targets: Vec<(String, String)>,
}

impl StructArrayExplode {
    pub(super) fn new(part: Part, options: &mut Options) -> Result<Self, String> {
        let mut read = Vec::new();
        for [source, targets, fields] in mappings(options)? {
            let (targets, fields) = (names(&targets), names(&fields));
            if targets.len() != fields.len() {
                return Err(format!(
                    "`mappings`: `{source}` has {} columns for {} fields",
                    targets.len(),
                    fields.len()
                ));
            }
            read.push(ManyTargets { source, targets: targets.into_iter().zip(fields).collect() });
        }
        let mut seen = HashSet::new();
        let all_targets = read.iter().flat_map(|mapping| &mapping.targets).map(|(target, _)| target);
        if let Some(twice) = all_targets.into_iter().find(|target| !seen.insert(target.as_str())) {
            return Err(format!("`mappings` names column `{twice}` twice"));
        }
        let mut seen = HashSet::new();
        if let Some(twice) = read.iter().find(|mapping| !seen.insert(mapping.source.as_str())) {
            return Err(format!("`mappings` has `{}` twice; name all its columns together", twice.source));
        }
        for mapping in &read {
            let other = |target: &str| {
                read.iter().any(|other| other.source == target && other.source != mapping.source)
            };
            if let Some((target, _)) = mapping.targets.iter().find(|(target, _)| other(target)) {
                return Err(format!("`mappings`: column `{target}` is another mapping's source"));
            }
        }
        Ok(Self { part, mappings: read })
    }
}

impl Change for StructArrayExplode {
    fn apply(&self, message: &mut Message) -> Result<Flow, String> {
        if *self.part.of(message) == Value::Null {
            return Ok(Flow::Keep);
        }
        let object = self.part.object(message)?;
        for mapping in &self.mappings {
            let entries = entries(object, &mapping.source)?;
            // What is there already would be of another type.
            object.0.retain(|(name, _)| !mapping.targets.iter().any(|(target, _)| target == name));
            let Some(entries) = entries else { continue };
            for (target, field) in &mapping.targets {
                object.set(target, numbers(&entries, &mapping.source, field)?);
            }
        }
        Ok(Flow::Keep)
    }
}

/// `source:target:field,field;…`, divided into its three parts.
fn mappings(options: &mut Options) -> Result<Vec<[String; 3]>, String> {
    let text = options.required("mappings")?;
    let mut mappings = Vec::new();
    for mapping in text.split(';').map(str::trim).filter(|mapping| !mapping.is_empty()) {
        let parts: Vec<String> = mapping.split(':').map(|part| part.trim().to_owned()).collect();
        match <[String; 3]>::try_from(parts) {
            Ok(parts) if parts.iter().all(|part| !part.is_empty()) => mappings.push(parts),
            _ => return Err(format!("`mappings`: `{mapping}` is not written as source:target:field,field")),
        }
    }
    if mappings.is_empty() { Err("`mappings` is empty".to_owned()) } else { Ok(mappings) }
}

fn names(list: &str) -> Vec<String> {
    list.split(',').map(|name| name.trim().to_owned()).collect()
}

/// The objects of a field, which is taken away. None: there are none.
fn entries(object: &mut Object, source: &str) -> Result<Option<Vec<Object>>, String> {
    let elements = match object.remove(source) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(elements)) => elements,
        Some(other) => {
            return Err(format!("field `{source}` is {}, where an array of objects belongs", other.kind()));
        }
    };
    let entry = |element| match element {
        Value::Object(entry) => Ok(entry),
        other => Err(format!("field `{source}` has {} in it, where objects belong", other.kind())),
    };
    let entries = elements.into_iter().map(entry).collect::<Result<Vec<_>, String>>()?;
    Ok((!entries.is_empty()).then_some(entries))
}

/// A field of each of the objects.
fn numbers(entries: &[Object], source: &str, field: &str) -> Result<Value, String> {
    let number = |(index, entry): (usize, &Object)| {
        let value = entry.field(field).unwrap_or(&Value::Null);
        let number = match value.widened() {
            Value::Integer(value) => Some(*value as f64),
            Value::BigInteger(digits) | Value::Decimal(digits) => digits.parse().ok(),
            Value::Double { value, .. } => Some(*value),
            Value::Float(value) => Some(f64::from(*value)),
            Value::Text(text) => parse_double(text),
            _ => None,
        };
        number.map(Value::double).ok_or_else(|| {
            format!(
                "field `{source}`, element {index}: `{field}` is {}, where a number belongs",
                value.shown()
            )
        })
    };
    entries.iter().enumerate().map(number).collect::<Result<_, _>>().map(Value::Array)
}
