//! Changes to records before they become rows: Kafka Connect's single message transforms, with the same names, options
//! and meaning (KIP-66, KIP-585 for predicates), those of Debezium and of QuestDB's Kafka connector that its users run.

mod arrays;
mod cast;
mod date_format;
mod debezium;
mod extract_field;
mod field_path;
mod flatten;
mod headers;
mod hoist_field;
mod insert_field;
mod java_number;
mod mask_field;
mod options;
mod predicate;
mod replace_field;
mod routers;
mod timestamp_converter;
mod value_to_key;

#[cfg(test)]
mod tests;

use std::fmt;

use self::options::Options;
use self::predicate::Condition;
use crate::config::{Transform, TransformPart, nearest};
use crate::decode::{Message, Object, Value};

/// The transforms of a topic, in order, ready to run.
#[derive(Debug, Default)]
pub struct Transforms(Vec<Step>);

/// What is left of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// It becomes a row.
    Keep,
    /// It is dropped, as was asked for.
    Drop,
}

/// Why the configuration of a transform is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TransformConfigError(pub String);

/// Why a record cannot be transformed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TransformError(pub String);

/// One transform, and the records that it is for.
#[derive(Debug)]
struct Step {
    name: String,
    change: Box<dyn Change>,
    condition: Option<Condition>,
}

/// What one transform does. An error names the field, and what was found there.
trait Change: fmt::Debug + Send + Sync {
    fn apply(&self, message: &mut Message) -> Result<Flow, String>;

    /// Whether it writes the record's offset.
    fn needs_offset(&self) -> bool {
        false
    }
}

/// The transforms that work on a part of a record, Kafka Connect's `$Key` or `$Value`.
const OF_A_PART: &[&str] = &[
    "Cast",
    "ExtractField",
    "Flatten",
    "HeaderFrom",
    "HoistField",
    "InsertField",
    "MaskField",
    "OrderBookToArray",
    "ReplaceField",
    "SetSchemaMetadata",
    "StructArrayExplode",
    "TimestampConverter",
];

/// The others.
const OF_THE_WHOLE: &[&str] = &[
    "DropHeaders",
    "ExtractNewRecordState",
    "Filter",
    "InsertHeader",
    "RegexRouter",
    "TimestampRouter",
    "ValueToKey",
];

impl Transforms {
    /// Makes them ready.
    ///
    /// # Errors
    /// The first that is not known or has an option that makes no sense.
    pub fn new(config: &[Transform]) -> Result<Self, TransformConfigError> {
        let step = |(index, transform): (usize, &Transform)| {
            Step::new(index, transform).map_err(|error| {
                TransformConfigError(format!("number {}, `{}`: {error}", index + 1, transform.kind))
            })
        };
        config.iter().enumerate().map(step).collect::<Result<_, _>>().map(Self)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them writes a record's offset.
    pub fn need_offsets(&self) -> bool {
        self.0.iter().any(|step| step.change.needs_offset())
    }

    /// Runs them on a record.
    ///
    /// # Errors
    /// The record does not have what a transform needs.
    pub fn apply(&self, message: &mut Message) -> Result<Flow, TransformError> {
        for step in &self.0 {
            if let Some(condition) = &step.condition {
                let holds = condition.holds(message).map_err(|error| step.error(&error))?;
                if !holds {
                    continue;
                }
            }
            match step.change.apply(message) {
                Ok(Flow::Keep) => {}
                Ok(Flow::Drop) => return Ok(Flow::Drop),
                Err(error) => return Err(step.error(&error)),
            }
        }
        Ok(Flow::Keep)
    }
}

impl Step {
    fn new(index: usize, config: &Transform) -> Result<Self, String> {
        let mut options = Options::new(&config.options);
        let (change, of) = change(config, &mut options)?;
        options.finish()?;
        let condition = match (&config.predicate, config.negate) {
            (Some(predicate), negate) => Some(Condition::new(predicate, negate)?),
            (None, true) => return Err("`negate` is for a `predicate`, and there is none".to_owned()),
            (None, false) => None,
        };
        Ok(Self { name: format!("transform {}, `{}`{of}", index + 1, config.kind), change, condition })
    }

    #[cold]
    fn error(&self, error: &str) -> TransformError {
        TransformError(format!(
            "{}: {error}; send what the transform needs, change `transforms` for the topic, or give the transform a \
             `predicate` that such records do not meet",
            self.name
        ))
    }
}

/// A transform by its name, and what it works on, for messages.
fn change(config: &Transform, options: &mut Options) -> Result<(Box<dyn Change>, &'static str), String> {
    let kind = config.kind.as_str();
    if OF_THE_WHOLE.contains(&kind) {
        if config.of.is_some() {
            return Err("it works on the whole record, so `of` makes no sense".to_owned());
        }
        let change: Box<dyn Change> = match kind {
            "DropHeaders" => Box::new(headers::DropHeaders::new(options)?),
            "ExtractNewRecordState" => Box::new(debezium::ExtractNewRecordState::new(options)?),
            "Filter" => Box::new(Filter),
            "InsertHeader" => Box::new(headers::InsertHeader::new(options)?),
            "RegexRouter" => Box::new(routers::RegexRouter::new(options)?),
            "TimestampRouter" => Box::new(routers::TimestampRouter::new(options)?),
            _ => Box::new(value_to_key::ValueToKey::new(options)?),
        };
        return Ok((change, ""));
    }
    let part = Part(config.of.unwrap_or(TransformPart::Value));
    let change: Box<dyn Change> = match kind {
        "Cast" => Box::new(cast::Cast::new(part, options)?),
        "ExtractField" => Box::new(extract_field::ExtractField::new(part, options)?),
        "Flatten" => Box::new(flatten::Flatten::new(part, options)?),
        "HeaderFrom" => Box::new(headers::HeaderFrom::new(part, options)?),
        "HoistField" => Box::new(hoist_field::HoistField::new(part, options)?),
        "InsertField" => Box::new(insert_field::InsertField::new(part, options)?),
        "MaskField" => Box::new(mask_field::MaskField::new(part, options)?),
        "OrderBookToArray" => Box::new(arrays::OrderBookToArray::new(part, options)?),
        "ReplaceField" => Box::new(replace_field::ReplaceField::new(part, options)?),
        "SetSchemaMetadata" => Box::new(SetSchemaMetadata::new(options)?),
        "StructArrayExplode" => Box::new(arrays::StructArrayExplode::new(part, options)?),
        "TimestampConverter" => Box::new(timestamp_converter::TimestampConverter::new(part, options)?),
        _ => return Err(unknown(kind)),
    };
    Ok((change, part.shown()))
}

fn unknown(kind: &str) -> String {
    let known: Vec<&str> = OF_A_PART.iter().chain(OF_THE_WHOLE).copied().collect();
    // `org.apache.kafka.connect.transforms.Flatten$Value` is a class, not a name.
    let class = kind.rsplit_once('.').map_or(kind, |(_, class)| class);
    let (short, of) = class.split_once('$').unwrap_or((class, ""));
    if known.contains(&short) {
        let of =
            if of.is_empty() { String::new() } else { format!(", of = \"{}\"", of.to_ascii_lowercase()) };
        return format!("write type = \"{short}\"{of}");
    }
    match nearest(kind, known.iter().copied()) {
        Some(name) => format!("there is no such transform; did you mean `{name}`?"),
        None => format!("there is no such transform; there are {}", known.join(", ")),
    }
}

/// The part of a record that a transform works on.
#[derive(Clone, Copy, Debug)]
struct Part(TransformPart);

impl Part {
    fn of(self, message: &mut Message) -> &mut Value {
        match self.0 {
            TransformPart::Key => &mut message.key,
            TransformPart::Value => &mut message.value,
        }
    }

    fn has_schema(self, message: &Message) -> bool {
        match self.0 {
            TransformPart::Key => message.key_has_schema,
            TransformPart::Value => message.value_has_schema,
        }
    }

    /// The part, which has to be an object.
    fn object(self, message: &mut Message) -> Result<&mut Object, String> {
        let name = self.name();
        match self.of(message) {
            Value::Object(object) => Ok(object),
            other => Err(format!("it needs an object, and the record's {name} is {}", other.kind())),
        }
    }

    fn name(self) -> &'static str {
        match self.0 {
            TransformPart::Key => "key",
            TransformPart::Value => "value",
        }
    }

    fn shown(self) -> &'static str {
        match self.0 {
            TransformPart::Key => " of the key",
            TransformPart::Value => " of the value",
        }
    }
}

/// Drops all records; its predicate says which.
#[derive(Debug)]
struct Filter;

impl Change for Filter {
    fn apply(&self, _message: &mut Message) -> Result<Flow, String> {
        Ok(Flow::Drop)
    }
}

/// Names and versions of schemas are nothing in a row.
#[derive(Debug)]
struct SetSchemaMetadata;

impl SetSchemaMetadata {
    fn new(options: &mut Options) -> Result<Self, String> {
        options.text("schema.name")?;
        options.text("schema.version")?;
        options.ignored_default()?;
        Ok(Self)
    }
}

impl Change for SetSchemaMetadata {
    fn apply(&self, _message: &mut Message) -> Result<Flow, String> {
        Ok(Flow::Keep)
    }
}
