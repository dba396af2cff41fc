//! Schemas, from their JSON. They are read here and not by a crate, because crates for JSON Schema validate, and keep
//! neither what a type is nor what Kafka Connect writes beside it.
//!
//! What a schema refers to is not followed but queued, so that schemas that refer to themselves, or to each other in long
//! chains, take no stack.

use std::collections::{HashMap, VecDeque};

use serde_json::{Map, Value as Json};

use super::merge::Together;
use super::references::{Document, Place, References};
use super::schema::{ANY, Fields, JsonSchemaError, Node};
use crate::decode::envelope::{Meaning, meaning};

/// More types than any schema that people write has.
const MAX_NODES: usize = 20_000;

/// More work than any such schema is: fields that are looked at, some of them several times where schemas are combined.
const MAX_STEPS: usize = 1_000_000;

/// How deep `allOf`, `oneOf` and `anyOf` are in each other before their values are taken as JSON has them.
const MAX_COMBINED: usize = 32;

/// So many references that lead to a reference lead nowhere.
const MAX_HOPS: usize = 64;

/// A scale beyond what any DECIMAL has would only make texts of zeros.
const MAX_SCALE: i32 = 400;

/// The nodes of a schema, and which of them is the schema itself.
pub(super) fn parse(
    text: &str,
    references: &[(String, String)],
) -> Result<(Vec<Node>, u32), JsonSchemaError> {
    let mut documents = vec![Document::read(text, None)?];
    for (name, text) in references {
        let in_reference = |error: JsonSchemaError| JsonSchemaError(format!("`{name}`: {}", error.0));
        documents.push(Document::read(text, Some(name)).map_err(in_reference)?);
    }
    let references = References::new(&documents);
    let mut parser = Parser {
        documents: &documents,
        references,
        nodes: vec![Node::Any],
        known: HashMap::new(),
        merged: HashMap::new(),
        queue: VecDeque::new(),
        steps: 0,
    };
    let Some(document) = documents.first() else { return Ok((vec![Node::Any], ANY)) };
    let root = parser.later(Place { json: &document.json, document: 0 })?;
    while let Some(task) = parser.queue.pop_front() {
        parser.work(task)?;
    }
    Ok((parser.nodes, root))
}

pub(super) struct Parser<'a> {
    documents: &'a [Document],
    references: References<'a>,
    nodes: Vec<Node>,
    /// The nodes of schemas, by where they are in their documents.
    known: HashMap<*const Json, u32>,
    /// The nodes of what two nodes are together.
    merged: HashMap<(u32, u32, Together), u32>,
    queue: VecDeque<Task<'a>>,
    steps: usize,
}

/// A node that has its number, and is not made yet. A node is never made before those that it is merged of.
enum Task<'a> {
    Make(u32, Place<'a>),
    Merge(u32, (u32, u32, Together)),
}

impl<'a> Parser<'a> {
    fn work(&mut self, task: Task<'a>) -> Result<(), JsonSchemaError> {
        let (number, node) = match task {
            Task::Make(number, place) => (number, self.shape(place, 0)?),
            Task::Merge(number, (a, b, how)) => {
                let node = |number: u32| self.nodes.get(number as usize).cloned().unwrap_or(Node::Any);
                let (a, b) = (node(a), node(b));
                (number, self.merge(a, b, how)?)
            }
        };
        if let Some(place) = self.nodes.get_mut(number as usize) {
            *place = node;
        }
        Ok(())
    }

    pub(super) fn step(&mut self, steps: usize) -> Result<(), JsonSchemaError> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > MAX_STEPS {
            return Err(JsonSchemaError("the schema combines too many others".to_owned()));
        }
        Ok(())
    }

    fn reserve(&mut self) -> Result<u32, JsonSchemaError> {
        if self.nodes.len() >= MAX_NODES {
            return Err(JsonSchemaError(format!("the schema has more than {MAX_NODES} types")));
        }
        self.nodes.push(Node::Any);
        Ok(self.nodes.len() as u32 - 1)
    }

    pub(super) fn reserve_merged(&mut self, a: u32, b: u32, how: Together) -> Result<u32, JsonSchemaError> {
        if let Some(&number) = self.merged.get(&(a, b, how)) {
            return Ok(number);
        }
        let number = self.reserve()?;
        self.merged.insert((a, b, how), number);
        self.queue.push_back(Task::Merge(number, (a, b, how)));
        Ok(number)
    }

    /// The number of a schema's node.
    fn later(&mut self, place: Place<'a>) -> Result<u32, JsonSchemaError> {
        let place = self.referred(place)?;
        if let Some(&number) = self.known.get(&std::ptr::from_ref(place.json)) {
            return Ok(number);
        }
        let number = self.reserve()?;
        self.known.insert(std::ptr::from_ref(place.json), number);
        self.queue.push_back(Task::Make(number, place));
        Ok(number)
    }

    /// What a schema is that is nothing but a reference.
    fn referred(&self, mut place: Place<'a>) -> Result<Place<'a>, JsonSchemaError> {
        for _ in 0..MAX_HOPS {
            match place.json.get("$ref") {
                Some(Json::String(reference)) => {
                    place = self.references.find(reference, place, self.documents)?;
                }
                _ => return Ok(place),
            }
        }
        Err(JsonSchemaError("a `$ref` leads to nothing but other `$ref`s".to_owned()))
    }

    /// What a schema says a value is.
    fn shape(&mut self, place: Place<'a>, depth: usize) -> Result<Node, JsonSchemaError> {
        self.step(1)?;
        let place = self.referred(place)?;
        let attributes = match place.json {
            Json::Object(attributes) => attributes,
            Json::Bool(_) => return Ok(Node::Any),
            other => return Err(JsonSchemaError(format!("`{other}` is no schema"))),
        };
        let mut node = self.own_shape(attributes, place)?;
        for (keyword, how) in
            [("allOf", Together::All), ("oneOf", Together::Either), ("anyOf", Together::Either)]
        {
            let Some(Json::Array(parts)) = attributes.get(keyword) else { continue };
            if depth >= MAX_COMBINED {
                return Ok(Node::Any);
            }
            let mut together = None;
            for json in parts {
                let part = self.shape(Place { json, ..place }, depth + 1)?;
                together = Some(match together {
                    None => part,
                    Some(before) => self.merge(before, part, how)?,
                });
            }
            if let Some(together) = together {
                node = self.merge(node, together, Together::All)?;
            }
        }
        Ok(node)
    }

    /// The same without what is combined with it.
    fn own_shape(
        &mut self,
        attributes: &'a Map<String, Json>,
        place: Place<'a>,
    ) -> Result<Node, JsonSchemaError> {
        match attributes.get("type") {
            Some(Json::String(kind)) => self.typed(kind, attributes, place),
            Some(Json::Array(kinds)) => {
                let mut node = None;
                for kind in kinds {
                    let kind = kind
                        .as_str()
                        .ok_or_else(|| JsonSchemaError(format!("`{kind}` is no type's name")))?;
                    let typed = self.typed(kind, attributes, place)?;
                    node = Some(match node {
                        None => typed,
                        Some(before) => self.merge(before, typed, Together::Either)?,
                    });
                }
                Ok(node.unwrap_or(Node::Any))
            }
            Some(other) => Err(JsonSchemaError(format!("`{other}` is no type"))),
            None => self.untyped(attributes, place),
        }
    }

    fn untyped(
        &mut self,
        attributes: &'a Map<String, Json>,
        place: Place<'a>,
    ) -> Result<Node, JsonSchemaError> {
        let values = match (attributes.get("enum"), attributes.get("const")) {
            (Some(Json::Array(values)), _) => values.as_slice(),
            (_, Some(value)) => std::slice::from_ref(value),
            _ if ["properties", "additionalProperties", "required"]
                .iter()
                .any(|key| attributes.contains_key(*key)) =>
            {
                return self.typed("object", attributes, place);
            }
            _ if attributes.contains_key("items") => return self.typed("array", attributes, place),
            _ => return Ok(Node::Any),
        };
        let mut node = None;
        for value in values {
            let kind = match value {
                Json::Null => Node::Null,
                Json::Bool(_) => Node::Boolean,
                Json::Number(number) if number.is_f64() => Node::Number,
                Json::Number(_) => Node::Integer(Meaning::Number),
                Json::String(_) => Node::Text,
                Json::Array(_) | Json::Object(_) => Node::Any,
            };
            node = Some(match node {
                None => kind,
                Some(before) => self.merge(before, kind, Together::Either)?,
            });
        }
        Ok(node.unwrap_or(Node::Any))
    }

    fn typed(
        &mut self,
        kind: &str,
        attributes: &'a Map<String, Json>,
        place: Place<'a>,
    ) -> Result<Node, JsonSchemaError> {
        let title = text(attributes, "title").unwrap_or_default();
        let connect = text(attributes, "connect.type").unwrap_or_default();
        let is_decimal = title == "org.apache.kafka.connect.data.Decimal";
        Ok(match (kind, connect) {
            ("null", _) => Node::Null,
            ("boolean", _) => Node::Boolean,
            ("integer" | "number" | "string", _) if is_decimal => Node::Decimal { scale: scale(attributes) },
            ("integer", _) | ("number", "int8" | "int16" | "int32" | "int64") => {
                Node::Integer(meaning(title))
            }
            ("number", "float32") => Node::Float,
            ("number", _) => Node::Number,
            ("string", "bytes") => Node::Bytes,
            ("string", _) => match text(attributes, "format") {
                Some("date-time" | "date") => Node::Time,
                _ => Node::Text,
            },
            ("array", _) => self.array(attributes, place, connect == "map")?,
            ("object", _) => self.object(attributes, place, connect == "map")?,
            (other, _) => return Err(JsonSchemaError(format!("there is no type `{other}`"))),
        })
    }

    fn array(
        &mut self,
        attributes: &'a Map<String, Json>,
        place: Place<'a>,
        is_map: bool,
    ) -> Result<Node, JsonSchemaError> {
        let items = match attributes.get("items") {
            // Several schemas, each for its place in the array.
            None | Some(Json::Array(_)) => return Ok(Node::Array(ANY)),
            Some(items) => Place { json: items, ..place },
        };
        let properties = self.referred(items)?;
        if is_map && let Some(Json::Object(members)) = properties.json.get("properties") {
            let mut part = |name: &str| match members.get(name) {
                Some(json) => self.later(Place { json, ..properties }),
                None => Ok(ANY),
            };
            return Ok(Node::Entries { key: part("key")?, value: part("value")? });
        }
        Ok(Node::Array(self.later(items)?))
    }

    fn object(
        &mut self,
        attributes: &'a Map<String, Json>,
        place: Place<'a>,
        is_map: bool,
    ) -> Result<Node, JsonSchemaError> {
        let others = match attributes.get("additionalProperties") {
            Some(json @ Json::Object(_)) => Some(self.later(Place { json, ..place })?),
            _ => None,
        };
        if is_map {
            return Ok(Node::Map(others.unwrap_or(ANY)));
        }
        let mut fields = Fields { others, ..Fields::default() };
        if let Some(Json::Object(properties)) = attributes.get("properties") {
            self.step(properties.len())?;
            for (name, json) in properties {
                let field = self
                    .later(Place { json, ..place })
                    .map_err(|error| JsonSchemaError(format!("field `{name}`: {}", error.0)))?;
                fields.named.insert(name.as_str().into(), field);
            }
        }
        Ok(Node::Object(fields))
    }
}

/// The scale of a Decimal's bytes.
fn scale(attributes: &Map<String, Json>) -> i32 {
    let given = attributes.get("connect.parameters").and_then(|parameters| parameters.get("scale"));
    let scale = match given {
        Some(Json::String(scale)) => scale.parse().ok(),
        Some(scale) => scale.as_i64().and_then(|scale| i32::try_from(scale).ok()),
        None => None,
    };
    scale.filter(|scale| (-MAX_SCALE..=MAX_SCALE).contains(scale)).unwrap_or(0)
}

fn text<'a>(attributes: &'a Map<String, Json>, key: &str) -> Option<&'a str> {
    attributes.get(key).and_then(Json::as_str)
}
