//! Schemas, from their JSON. They are read here and not by a crate, because what Kafka Connect writes beside a primitive
//! type (`connect.name`) decides what its values are, and Avro's parsers for Rust drop it.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value as Json};

/// What a value is. Other nodes are named by their number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Null,
    Boolean,
    Int(Meaning),
    Long(Meaning),
    Float,
    Double,
    Bytes,
    Text,
    /// So many bytes.
    Fixed(usize),
    /// Sixteen bytes.
    Uuid,
    /// Months, days and milliseconds in twelve bytes.
    Duration,
    /// An unscaled integer, in so many bytes where their number is fixed.
    Decimal {
        scale: i32,
        size: Option<usize>,
    },
    Enum(Box<[Box<str>]>),
    Array(u32),
    Map(u32),
    /// An array of records of a key and a value: how Kafka Connect writes maps whose keys are no strings.
    Entries {
        key: u32,
        value: u32,
        /// Whether the key is the record's first field.
        key_first: bool,
    },
    Record(Box<[Field]>),
    Union(Box<[Field]>),
}

/// A field of a record or a branch of a union, by its name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    pub name: Box<str>,
    pub node: u32,
}

/// What an integer stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Number,
    /// Days since 1970-01-01.
    Days,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    Millis,
    /// Microseconds.
    Micros,
    /// Nanoseconds.
    Nanos,
}

/// What is wrong with a schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AvroSchemaError(pub String);

/// More types than any schema that people write has.
const MAX_NODES: usize = 20_000;

/// A scale beyond what any DECIMAL has would only make texts of zeros.
const MAX_SCALE: i64 = 400;

/// The record that an entry of a map is, where its keys are no strings.
const MAP_ENTRY: &str = "io.confluent.connect.avro.MapEntry";

/// In how many arrays numbers are. None: something else is in them.
pub(super) fn dimensions(nodes: &[Node], node: u32) -> Option<usize> {
    match nodes.get(node as usize)? {
        Node::Array(item) => Some(dimensions(nodes, *item)? + 1),
        Node::Int(Meaning::Number) | Node::Long(Meaning::Number) | Node::Float | Node::Double => Some(0),
        _ => None,
    }
}

/// The nodes of a schema, and which of them is the schema itself.
pub(super) fn parse(text: &str, references: &[String]) -> Result<(Vec<Node>, u32), AvroSchemaError> {
    let mut parser = Parser::default();
    for reference in references {
        parser.document(reference)?;
    }
    let root = parser.document(text)?;
    Ok((parser.nodes, root))
}

#[derive(Default)]
struct Parser {
    nodes: Vec<Node>,
    /// By full name.
    named: HashMap<String, u32>,
}

impl Parser {
    fn document(&mut self, text: &str) -> Result<u32, AvroSchemaError> {
        // serde_json bounds how deep a document is, and with it all that is done by recursion here. A schema that is a
        // name alone may stand without its quotes.
        let json = if PRIMITIVES.contains(&text.trim()) {
            Json::String(text.trim().to_owned())
        } else {
            serde_json::from_str(text)
                .map_err(|error| AvroSchemaError(format!("the schema is not JSON: {error}")))?
        };
        self.node(&json, "")
    }

    fn node(&mut self, json: &Json, namespace: &str) -> Result<u32, AvroSchemaError> {
        match json {
            Json::String(name) => match primitive(name) {
                Some(node) => self.push(node),
                None => self.reference(name, namespace),
            },
            Json::Array(branches) => self.union(branches, namespace),
            Json::Object(attributes) => self.complex(attributes, namespace),
            other => Err(AvroSchemaError(format!("`{other}` is no schema"))),
        }
    }

    fn push(&mut self, node: Node) -> Result<u32, AvroSchemaError> {
        if self.nodes.len() >= MAX_NODES {
            return Err(AvroSchemaError(format!("the schema has more than {MAX_NODES} types")));
        }
        self.nodes.push(node);
        Ok(self.nodes.len() as u32 - 1)
    }

    fn reference(&self, name: &str, namespace: &str) -> Result<u32, AvroSchemaError> {
        let own = full_name(name, namespace);
        self.named.get(&own).or_else(|| self.named.get(name)).copied().ok_or_else(|| {
            AvroSchemaError(format!("there is no type `{own}` in the schema, nor in those it refers to"))
        })
    }

    fn union(&mut self, branches: &[Json], namespace: &str) -> Result<u32, AvroSchemaError> {
        let mut fields: Vec<Field> = Vec::with_capacity(branches.len());
        for branch in branches {
            let node = self.node(branch, namespace)?;
            let name = branch_name(branch);
            if matches!(self.nodes.get(node as usize), Some(Node::Union(_))) {
                return Err(AvroSchemaError("a union is directly in a union".to_owned()));
            }
            if fields.iter().any(|other| *other.name == *name) {
                return Err(AvroSchemaError(format!("a union has two branches `{name}`")));
            }
            fields.push(Field { name: name.into(), node });
        }
        self.push(Node::Union(fields.into()))
    }

    fn complex(&mut self, attributes: &Map<String, Json>, namespace: &str) -> Result<u32, AvroSchemaError> {
        let kind = match attributes.get("type") {
            Some(Json::String(kind)) => kind.as_str(),
            // {"type": {"type": …}} and {"type": […]} are the schema within.
            Some(inner @ (Json::Object(_) | Json::Array(_))) => return self.node(inner, namespace),
            _ => return Err(AvroSchemaError("a schema has no `type`".to_owned())),
        };
        match kind {
            "record" | "error" | "enum" | "fixed" => self.named_type(kind, attributes, namespace),
            "array" => {
                let items = attributes.get("items").ok_or_else(|| missing("an array", "items"))?;
                let item = self.node(items, namespace)?;
                let entries = self.entries(items, item, namespace);
                self.push(entries.unwrap_or(Node::Array(item)))
            }
            "map" => {
                let values = attributes.get("values").ok_or_else(|| missing("a map", "values"))?;
                let value = self.node(values, namespace)?;
                self.push(Node::Map(value))
            }
            name => match primitive(name) {
                Some(node) => self.push(with_meaning(node, attributes)),
                None => self.reference(name, namespace),
            },
        }
    }

    fn named_type(
        &mut self,
        kind: &str,
        attributes: &Map<String, Json>,
        namespace: &str,
    ) -> Result<u32, AvroSchemaError> {
        let given = text(attributes, "name").ok_or_else(|| missing(&format!("a type `{kind}`"), "name"))?;
        let namespace = match (given.rsplit_once('.'), text(attributes, "namespace")) {
            (Some((namespace, _)), _) => namespace,
            (None, Some(namespace)) => namespace,
            (None, None) => namespace,
        };
        let name = full_name(given, namespace);
        let node = self.push(Node::Null)?;
        if self.named.insert(name.clone(), node).is_some() {
            return Err(AvroSchemaError(format!("type `{name}` is there twice")));
        }
        let in_type = |error: AvroSchemaError| AvroSchemaError(format!("type `{name}`: {}", error.0));
        let made = match kind {
            "enum" => Node::Enum(symbols(attributes).map_err(in_type)?),
            "fixed" => fixed(attributes).map_err(in_type)?,
            _ => Node::Record(self.fields(attributes, namespace).map_err(in_type)?),
        };
        if let Some(place) = self.nodes.get_mut(node as usize) {
            *place = made;
        }
        Ok(node)
    }

    fn fields(
        &mut self,
        attributes: &Map<String, Json>,
        namespace: &str,
    ) -> Result<Box<[Field]>, AvroSchemaError> {
        let Some(Json::Array(given)) = attributes.get("fields") else {
            return Err(missing("a record", "fields"));
        };
        let mut fields: Vec<Field> = Vec::with_capacity(given.len());
        let mut names = HashSet::new();
        for field in given {
            let Json::Object(field) = field else {
                return Err(AvroSchemaError(format!("`{field}` is no field")));
            };
            let name = text(field, "name").ok_or_else(|| missing("a field", "name"))?;
            if !names.insert(name) {
                return Err(AvroSchemaError(format!("it has field `{name}` twice")));
            }
            let in_field = |error: AvroSchemaError| AvroSchemaError(format!("field `{name}`: {}", error.0));
            let kind = field.get("type").ok_or_else(|| in_field(missing("a field", "type")))?;
            let node = match kind {
                // The type's attributes are beside its name: not as Avro's specification has it, but it is done.
                Json::String(primitive_name)
                    if field.contains_key("logicalType") && primitive(primitive_name).is_some() =>
                {
                    self.complex(field, namespace)
                }
                kind => self.node(kind, namespace),
            };
            fields.push(Field { name: name.into(), node: node.map_err(in_field)? });
        }
        Ok(fields.into())
    }

    /// What an array's items are, where they are a map's entries.
    fn entries(&self, items: &Json, item: u32, namespace: &str) -> Option<Node> {
        let attributes = items.as_object();
        let name = match items {
            Json::String(name) => name.as_str(),
            _ => text(attributes?, "name")?,
        };
        let own = attributes.and_then(|attributes| text(attributes, "namespace")).unwrap_or(namespace);
        let marked =
            attributes.and_then(|attributes| text(attributes, "connect.internal.type")) == Some("MapEntry");
        if !marked && full_name(name, own) != MAP_ENTRY {
            return None;
        }
        let Some(Node::Record(fields)) = self.nodes.get(item as usize) else { return None };
        match &**fields {
            [a, b] if &*a.name == "key" && &*b.name == "value" => {
                Some(Node::Entries { key: a.node, value: b.node, key_first: true })
            }
            [a, b] if &*a.name == "value" && &*b.name == "key" => {
                Some(Node::Entries { key: b.node, value: a.node, key_first: false })
            }
            _ => None,
        }
    }
}

const PRIMITIVES: [&str; 8] = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];

fn primitive(name: &str) -> Option<Node> {
    Some(match name {
        "null" => Node::Null,
        "boolean" => Node::Boolean,
        "int" => Node::Int(Meaning::Number),
        "long" => Node::Long(Meaning::Number),
        "float" => Node::Float,
        "double" => Node::Double,
        "bytes" => Node::Bytes,
        "string" => Node::Text,
        _ => return None,
    })
}

/// What a primitive stands for, by its logical type and by the name that Kafka Connect gives it. A Time, and Debezium's
/// other times, are numbers, as QuestDB's Kafka connector sees them. A logical type that its type does not go with is as
/// good as none.
fn with_meaning(node: Node, attributes: &Map<String, Json>) -> Node {
    let logical = text(attributes, "logicalType").unwrap_or_default();
    let connect = text(attributes, "connect.name").unwrap_or_default();
    match node {
        Node::Int(_) => Node::Int(match (connect, logical) {
            ("org.apache.kafka.connect.data.Date" | "io.debezium.time.Date", _) | (_, "date") => {
                Meaning::Days
            }
            _ => Meaning::Number,
        }),
        Node::Long(_) => Node::Long(match (connect, logical) {
            ("io.debezium.time.MicroTimestamp", _) => Meaning::Micros,
            ("org.apache.kafka.connect.data.Timestamp", _)
            | (_, "timestamp-millis" | "local-timestamp-millis") => Meaning::Millis,
            (_, "timestamp-micros" | "local-timestamp-micros") => Meaning::Micros,
            (_, "timestamp-nanos" | "local-timestamp-nanos") => Meaning::Nanos,
            _ => Meaning::Number,
        }),
        Node::Bytes => decimal(attributes, None).unwrap_or(Node::Bytes),
        other => other,
    }
}

fn fixed(attributes: &Map<String, Json>) -> Result<Node, AvroSchemaError> {
    let size = attributes.get("size").and_then(Json::as_u64).and_then(|size| usize::try_from(size).ok());
    let size = size.ok_or_else(|| missing("a fixed", "size"))?;
    Ok(match (text(attributes, "logicalType"), size) {
        (Some("uuid"), 16) => Node::Uuid,
        (Some("duration"), 12) => Node::Duration,
        _ => decimal(attributes, Some(size)).unwrap_or(Node::Fixed(size)),
    })
}

fn decimal(attributes: &Map<String, Json>, size: Option<usize>) -> Option<Node> {
    let is_logical = text(attributes, "logicalType") == Some("decimal");
    if !is_logical && text(attributes, "connect.name") != Some("org.apache.kafka.connect.data.Decimal") {
        return None;
    }
    let parameter = || attributes.get("connect.parameters")?.get("scale")?.as_str()?.parse().ok();
    let scale: i64 = match attributes.get("scale") {
        Some(scale) => scale.as_i64()?,
        None => parameter().unwrap_or(0),
    };
    let in_range = (-MAX_SCALE..=MAX_SCALE).contains(&scale);
    in_range.then_some(Node::Decimal { scale: scale as i32, size })
}

fn symbols(attributes: &Map<String, Json>) -> Result<Box<[Box<str>]>, AvroSchemaError> {
    let symbols = attributes.get("symbols").and_then(Json::as_array);
    let symbols =
        symbols.and_then(|symbols| symbols.iter().map(|symbol| Some(symbol.as_str()?.into())).collect());
    symbols.ok_or_else(|| missing("an enum", "symbols"))
}

/// What Kafka Connect calls the member for a union's branch: a named type's own name, else its type.
fn branch_name(branch: &Json) -> String {
    let name = match branch {
        Json::String(name) => name.as_str(),
        Json::Object(attributes) => match text(attributes, "type") {
            Some("record" | "error" | "enum" | "fixed") => text(attributes, "name").unwrap_or_default(),
            Some(kind) => kind,
            None => "",
        },
        _ => "",
    };
    name.rsplit('.').next().unwrap_or_default().to_owned()
}

fn full_name(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() { name.to_owned() } else { format!("{namespace}.{name}") }
}

fn text<'a>(attributes: &'a Map<String, Json>, key: &str) -> Option<&'a str> {
    attributes.get(key).and_then(Json::as_str)
}

fn missing(what: &str, key: &str) -> AvroSchemaError {
    AvroSchemaError(format!("{what} has no `{key}`"))
}
