//! Which of a schema's messages a payload is: by what is behind the schema's id, or by a name in the settings.

use super::ProtobufSchemaError;
use super::reader::{ProtobufError, Reader, WireType, key};
use super::schema::Types;
use crate::config::ProtobufFraming;
use crate::decode::varint::zigzag;

/// Messages are not nested deeper in files.
const MAX_INDEXES: i64 = 64;

/// Reads what names a message, and returns what is behind that.
#[cold]
pub(super) fn read<'r>(
    framing: ProtobufFraming,
    types: &Types,
    top: &[u32],
    bytes: &'r [u8],
) -> Result<(u32, &'r [u8]), ProtobufSchemaError> {
    match (framing, top.first()) {
        (ProtobufFraming::Confluent, _) => by_indexes(types, top, bytes),
        (ProtobufFraming::Apicurio, _) => by_name(types, top, bytes),
        (ProtobufFraming::None, Some(&first)) => Ok((first, bytes)),
        (ProtobufFraming::None, None) => Err(ProtobufSchemaError("it has no message".to_owned())),
    }
}

/// A path of indexes, from the file's messages to those in them.
fn by_indexes<'r>(
    types: &Types,
    top: &[u32],
    bytes: &'r [u8],
) -> Result<(u32, &'r [u8]), ProtobufSchemaError> {
    let none = |_| {
        ProtobufSchemaError(
            "it has no message's indexes behind the schema's id, as serializers with a schema registry write them; \
             `protobuf_framing` for the topic says what else may be there"
                .to_owned(),
        )
    };
    let mut reader = Reader::new(bytes);
    let count = zigzag(reader.varint().map_err(none)?);
    let mut path = Vec::new();
    if !(0..=MAX_INDEXES).contains(&count) {
        return Err(ProtobufSchemaError(format!("its framing counts {count} indexes of a message")));
    }
    for _ in 0..count {
        path.push(zigzag(reader.varint().map_err(none)?));
    }
    if path.is_empty() {
        // So a path of a single 0 is written.
        path.push(0);
    }
    let mut among = top;
    let mut found = None;
    for index in &path {
        let message = usize::try_from(*index).ok().and_then(|index| among.get(index).copied());
        let Some(message) = message else {
            return Err(ProtobufSchemaError(format!(
                "its framing names the message of indexes {path:?}, which the schema does not have"
            )));
        };
        found = Some(message);
        among = types.message(message).map(|message| &*message.nested).unwrap_or_default();
    }
    let rest = bytes.get(reader.at()..).unwrap_or_default();
    found.map(|message| (message, rest)).ok_or_else(|| ProtobufSchemaError("it has no message".to_owned()))
}

/// A message of its own behind its length, whose first field is the name, with or without what it is declared in.
fn by_name<'r>(types: &Types, top: &[u32], bytes: &'r [u8]) -> Result<(u32, &'r [u8]), ProtobufSchemaError> {
    let mut reader = Reader::new(bytes);
    let named = reader.part().and_then(|part| name_in(reader.within(part)));
    let Some(name) = named.ok().filter(|name| !name.is_empty()) else {
        return Err(ProtobufSchemaError(
            "it has no message's name behind the schema's id, as Apicurio's serializers write it and `protobuf_framing` \
             says for the topic"
                .to_owned(),
        ));
    };
    // Outer messages are before those in them.
    let mut all = top.to_vec();
    let mut next = 0;
    while let Some(&number) = all.get(next) {
        all.extend(types.message(number).into_iter().flat_map(|message| &message.nested));
        next += 1;
    }
    let called = |matches: &dyn Fn(&str) -> bool| {
        all.iter()
            .copied()
            .find(|&number| types.message(number).is_some_and(|message| matches(&message.name)))
    };
    let found =
        called(&|full| full == name).or_else(|| called(&|full| full.rsplit('.').next() == Some(&name)));
    match found {
        Some(message) => Ok((message, bytes.get(reader.at()..).unwrap_or_default())),
        None => Err(no_message(types, top, &name)),
    }
}

fn name_in(mut reader: Reader<'_>) -> Result<String, ProtobufError> {
    let mut name = String::new();
    while !reader.is_at_end() {
        let tag = reader.tag()?;
        if tag.key() == key(1, WireType::Length) {
            let part = reader.text()?;
            name = String::from_utf8_lossy(reader.bytes_of(part)).into_owned();
        } else {
            reader.skip(tag)?;
        }
    }
    Ok(name)
}

/// The only message that there is.
pub(super) fn only(types: &Types, top: &[u32]) -> Result<u32, ProtobufSchemaError> {
    match top {
        [only] => Ok(*only),
        [] => Err(ProtobufSchemaError("it has no message".to_owned())),
        _ => Err(ProtobufSchemaError(format!(
            "it has several messages ({}); say with `message` which of them the records are",
            names(types, top)
        ))),
    }
}

/// That there is no message of a name.
pub(super) fn no_message(types: &Types, top: &[u32], name: &str) -> ProtobufSchemaError {
    ProtobufSchemaError(format!("it has no message {name}; it has {}", names(types, top)))
}

fn names(types: &Types, top: &[u32]) -> String {
    let names = top.iter().filter_map(|&number| types.message(number)).map(|message| &*message.name);
    names.collect::<Vec<_>>().join(", ")
}
