use std::collections::BTreeMap;

use super::ImportError;
use super::keys::Keys;
use super::registry::Registry;
use crate::config::{Format, TopicSettings};

/// `key.converter`, `value.converter` and `value.format`.
pub(super) fn read(keys: &mut Keys, settings: &mut TopicSettings) -> Result<Option<Registry>, ImportError> {
    let mut registry = None;
    settings.key_format = converter("key", "key_format", keys, &mut registry)?;
    settings.format = converter("value", "format", keys, &mut registry)?;
    match keys.take_text("value.format").as_deref() {
        None | Some("connect") => {}
        Some("json") => settings.format = Some(Format::Json),
        Some("json_envelope") => settings.format = Some(Format::JsonEnvelope),
        Some(other) => {
            let reason = format!("`{other}` is none of connect, json and json_envelope");
            return Err(ImportError::new("value.format", reason));
        }
    }
    Ok(registry)
}

/// What a converter, with its own keys, is in quafka.
fn converter(
    part: &str,
    setting: &str,
    keys: &mut Keys,
    registry: &mut Option<Registry>,
) -> Result<Option<Format>, ImportError> {
    let key = format!("{part}.converter");
    let class = keys.take_text(&key);
    let schemas = keys.take_bool(&format!("{key}.schemas.enable"))?;
    let mut options = keys.take_all(&format!("{key}."));
    let Some(class) = class else {
        let text = format!(
            "is not there, so the worker's default counts, which this file does not say; quafka's default is \
             `{setting} = \"auto\"`"
        );
        keys.note(key.as_str(), text);
        lose(&key, options, "means nothing without the converter", keys);
        return Ok(None);
    };
    let format = match class.rsplit('.').next().unwrap_or_default() {
        "StringConverter" => {
            let encoding = options.remove("encoding").unwrap_or_default();
            if !matches!(encoding.to_ascii_uppercase().as_str(), "" | "UTF8" | "UTF-8") {
                keys.lose(format!("{key}.encoding"), format!("texts are UTF-8, not {encoding}"));
            }
            Format::Text
        }
        "JsonConverter" => {
            // How it writes decimals and how many schemas it keeps means nothing to a reader.
            options.retain(|name, _| !matches!(name.as_str(), "decimal.format" | "schemas.cache.size"));
            if schemas.unwrap_or(true) { Format::JsonEnvelope } else { Format::Json }
        }
        "ByteArrayConverter" => Format::Raw,
        "ShortConverter" => Format::Short,
        "IntegerConverter" => Format::Integer,
        "LongConverter" => Format::Long,
        "FloatConverter" => Format::Float,
        "DoubleConverter" => Format::Double,
        "BooleanConverter" => Format::Boolean,
        "AvroConverter" if class.starts_with("io.apicurio.") => {
            let found = Registry::read_apicurio(&key, &mut options, keys)?;
            keep(found, &key, keys, registry);
            Format::Avro
        }
        "AvroConverter" => with_registry(&key, Format::Avro, &mut options, keys, registry)?,
        "JsonSchemaConverter" => with_registry(&key, Format::JsonSchema, &mut options, keys, registry)?,
        "ProtobufConverter" => with_registry(&key, Format::Protobuf, &mut options, keys, registry)?,
        _ => {
            keys.lose(key.as_str(), format!("`{class}` is no converter that quafka knows; see `{setting}`"));
            lose(&key, options, "belongs to that converter", keys);
            return Ok(None);
        }
    };
    lose(&key, options, "is no key of that converter which changes what is read", keys);
    Ok(Some(format))
}

/// The format of a converter with a schema registry, whose options are read and told.
fn with_registry(
    key: &str,
    format: Format,
    options: &mut BTreeMap<String, String>,
    keys: &mut Keys,
    registry: &mut Option<Registry>,
) -> Result<Format, ImportError> {
    // How its schemas are turned into Connect's, and how many of them it keeps, means nothing here.
    options.retain(|name, _| !MEAN_NOTHING.contains(&name.as_str()));
    let found = Registry::read(key, options, keys)?;
    keep(found, key, keys, registry);
    Ok(format)
}

/// The registry of the key's converter, or else of the value's.
fn keep(found: Registry, key: &str, keys: &mut Keys, registry: &mut Option<Registry>) {
    match registry {
        Some(other) if *other != found => {
            let text =
                "is another registry, or other credentials, than of the key's converter; quafka has one";
            keys.lose(format!("{key}.schema.registry.url"), text);
        }
        _ => *registry = Some(found),
    }
}

/// Options of converters that change nothing of what is read.
const MEAN_NOTHING: &[&str] = &[
    "auto.register.schemas",
    "connect.meta.data",
    "decimal.format",
    "enhanced.avro.schema.support",
    "enhanced.protobuf.schema.support",
    "latest.compatibility.strict",
    "schemas.cache.config",
    "schemas.cache.size",
    "use.latest.version",
    "use.optional.for.nonrequired",
];

fn lose(key: &str, options: BTreeMap<String, String>, reason: &str, keys: &mut Keys) {
    for name in options.into_keys() {
        keys.lose(format!("{key}.{name}"), reason);
    }
}
