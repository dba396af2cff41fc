use super::options::Options;
use super::{Change, Flow};
use crate::decode::{Message, Object, Value};

/// Makes a row of a change event of Debezium: its `after`, with what else is asked for.
///
/// Debezium's own transform takes a record for an event by the name of its schema. Here its fields tell, so that
/// events without a schema are unwrapped, too.
#[derive(Debug)]
pub(super) struct ExtractNewRecordState {
    deletes: Deletes,
    drops_tombstones: bool,
    fields: Vec<Addition>,
    headers: Vec<Addition>,
    route_by: Option<String>,
}

/// What becomes of the event that a row was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deletes {
    Drop,
    /// Its value is null.
    Tombstone,
    /// It is the row that there was, and `__deleted` is "true".
    Rewrite,
}

/// A piece of the event that is added to the row.
#[derive(Debug)]
struct Addition {
    name: String,
    within: Option<String>,
    field: String,
}

const DELETED: &str = "__deleted";

impl ExtractNewRecordState {
    pub(super) fn new(options: &mut Options) -> Result<Self, String> {
        let modes = ["drop", "tombstone", "rewrite", "rewrite-with-tombstone", "delete-to-tombstone"];
        let mode = options.word("delete.tombstone.handling.mode", &modes)?;
        // The two that it stands for, which are older.
        let old_mode = options.word("delete.handling.mode", &["drop", "rewrite", "none"])?;
        let old_drop = options.boolean("drop.tombstones")?;
        let (deletes, drops_tombstones) = match (mode, old_mode) {
            (Some("drop"), _) => (Deletes::Drop, true),
            (Some("rewrite"), _) => (Deletes::Rewrite, true),
            (Some("rewrite-with-tombstone"), _) => (Deletes::Rewrite, false),
            (Some("delete-to-tombstone"), _) => (Deletes::Tombstone, true),
            (Some(_), _) => (Deletes::Drop, false),
            (None, Some("rewrite")) => (Deletes::Rewrite, old_drop.unwrap_or(true)),
            (None, Some("none")) => (Deletes::Tombstone, old_drop.unwrap_or(true)),
            (None, _) => (Deletes::Drop, old_drop.unwrap_or(true)),
        };
        let mut additions = |key: &'static str, prefix: &'static str| {
            let list = options.list(key)?;
            let prefix = options.text(prefix)?.unwrap_or_else(|| "__".to_owned());
            Ok::<_, String>(list.iter().map(|addition| Addition::new(addition, &prefix)).collect())
        };
        let fields = additions("add.fields", "add.fields.prefix")?;
        let headers = additions("add.headers", "add.headers.prefix")?;
        let route_by = options.text("route.by.field")?.filter(|field| !field.is_empty());
        options.ignored_default()?;
        Ok(Self { deletes, drops_tombstones, fields, headers, route_by })
    }

    fn unwrap(&self, message: &mut Message, mut event: Object) -> Result<Flow, String> {
        if event.field("op") == Some(&Value::Text("t".to_owned())) {
            // The table was emptied: there is no row that this could be.
            return Ok(Flow::Drop);
        }
        let (before, after) = (event.remove("before"), event.remove("after"));
        let deleted = !matches!(after, Some(Value::Object(_)));
        if deleted && self.deletes == Deletes::Drop {
            return Ok(Flow::Drop);
        }
        message.headers.extend(self.headers.iter().map(|header| (header.name.clone(), header.of(&event))));
        let mut row = match if deleted { before } else { after } {
            Some(Value::Object(row)) => row,
            _ => {
                message.value = Value::Null;
                return Ok(Flow::Keep);
            }
        };
        if let Some(field) = &self.route_by {
            match row.field(field) {
                Some(Value::Text(topic)) => message.topic.clone_from(topic),
                other => {
                    let found = other.map_or_else(|| "not there".to_owned(), Value::shown);
                    return Err(format!("field `{field}`, which is to be the topic, is {found}"));
                }
            }
        }
        if deleted && self.deletes == Deletes::Tombstone {
            message.value = Value::Null;
            return Ok(Flow::Keep);
        }
        for addition in &self.fields {
            row.set(&addition.name, addition.of(&event));
        }
        if self.deletes == Deletes::Rewrite {
            row.set(DELETED, Value::Text(deleted.to_string()));
        }
        message.value = Value::Object(row);
        Ok(Flow::Keep)
    }
}

impl Change for ExtractNewRecordState {
    fn apply(&self, message: &mut Message) -> Result<Flow, String> {
        match std::mem::replace(&mut message.value, Value::Null) {
            Value::Null if self.drops_tombstones => Ok(Flow::Drop),
            Value::Object(event) if is_event(&event) => self.unwrap(message, event),
            other => {
                message.value = other;
                Ok(Flow::Keep)
            }
        }
    }
}

fn is_event(object: &Object) -> bool {
    matches!(object.field("op"), Some(Value::Text(_)))
        && (object.field("after").is_some()
            || object.field("before").is_some()
            || object.field("source").is_some())
}

impl Addition {
    /// `op`, `source.ts_ms`, or with another name `source.ts_ms:time`.
    fn new(text: &str, prefix: &str) -> Self {
        let (path, new_name) = text.split_once(':').map_or((text, None), |(path, name)| (path, Some(name)));
        let (within, field) = match path.split_once('.') {
            Some((within, field)) => (Some(within), field),
            None if matches!(path, "op" | "ts_ms" | "ts_us" | "ts_ns") => (None, path),
            None if matches!(path, "id" | "data_collection_order" | "total_order") => {
                (Some("transaction"), path)
            }
            None => (Some("source"), path),
        };
        let name = new_name.map_or_else(|| path.replace('.', "_"), str::to_owned);
        Self { name: format!("{prefix}{name}"), within: within.map(str::to_owned), field: field.to_owned() }
    }

    fn of(&self, event: &Object) -> Value {
        let object = match &self.within {
            None => Some(event),
            Some(within) => match event.field(within) {
                Some(Value::Object(object)) => Some(object),
                _ => None,
            },
        };
        object.and_then(|object| object.field(&self.field)).cloned().unwrap_or(Value::Null)
    }
}
