//! Which of a schema's messages a payload is: by indexes in its framing, or by a name in the settings.

use super::ProtobufSchemaError;
use super::reader::Reader;
use super::schema::Types;
use crate::decode::varint::zigzag;

/// Messages are not nested deeper in files.
const MAX_INDEXES: i64 = 64;

/// Reads the indexes that lead to a message, and returns what is behind them.
#[cold]
pub(super) fn read<'r>(
    types: &Types,
    top: &[u32],
    bytes: &'r [u8],
) -> Result<(u32, &'r [u8]), ProtobufSchemaError> {
    let none = |_| {
        ProtobufSchemaError(
            "it has no message's indexes behind the schema's id, as serializers with a schema registry write them"
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
