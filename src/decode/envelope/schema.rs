use super::convert::Conversion;
use crate::decode::{Object, Value};

/// A Kafka Connect schema.
#[derive(Debug)]
pub(super) struct Schema {
    pub kind: Kind,
    pub optional: bool,
    pub default: Option<Default>,
}

/// What stands in for null, and about how many bytes it takes.
#[derive(Debug)]
pub(super) struct Default {
    pub value: Value,
    pub bytes: usize,
}

#[derive(Debug)]
pub(super) enum Kind {
    Boolean,
    Integer(Width, Meaning),
    Float,
    Double,
    Text,
    Bytes,
    Decimal { scale: i32 },
    Array(Box<Schema>),
    Map { keys: Box<Schema>, values: Box<Schema> },
    Struct(Vec<(String, Schema)>),
}

/// How many bits an integer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    Int8,
    Int16,
    Int32,
    Int64,
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
}

/// A scale beyond what any DECIMAL has would only make texts of zeros.
const MAX_SCALE: i32 = 400;

impl Schema {
    /// Reads a schema. What comes from a peer nests no deeper than JSON may.
    pub(super) fn read(tree: Value) -> Result<Self, String> {
        let Value::Object(mut schema) = tree else {
            return Err(format!("{} is no schema, which is an object with a `type`", tree.shown()));
        };
        let Some(Value::Text(kind)) = schema.remove("type") else {
            return Err("it has no `type`".to_owned());
        };
        let name = match schema.remove("name") {
            Some(Value::Text(name)) => name,
            _ => String::new(),
        };
        let kind = kind_of(&kind, &name, &mut schema)?;
        let optional = schema.remove("optional") == Some(Value::Boolean(true));
        let mut read = Self { kind, optional, default: None };
        if let Some(default) = schema.remove("default").filter(|default| *default != Value::Null) {
            let value = Conversion::default()
                .value(&read, Some(default))
                .map_err(|error| format!("its default contradicts it: {error}"))?;
            let mut json = String::new();
            value.write_json(&mut json);
            read.default = Some(Default { value, bytes: json.len() });
        }
        Ok(read)
    }
}

fn kind_of(kind: &str, name: &str, schema: &mut Object) -> Result<Kind, String> {
    let mut inner = |key: &str| match schema.remove(key) {
        None | Some(Value::Null) => Err(format!("a schema of type `{kind}` needs `{key}`")),
        Some(inner) => Schema::read(inner).map(Box::new),
    };
    let read = match kind {
        "boolean" => Kind::Boolean,
        "int8" => Kind::Integer(Width::Int8, Meaning::Number),
        "int16" => Kind::Integer(Width::Int16, Meaning::Number),
        "int32" => Kind::Integer(Width::Int32, meaning(name)),
        "int64" => Kind::Integer(Width::Int64, meaning(name)),
        "float" => Kind::Float,
        "double" => Kind::Double,
        "string" => Kind::Text,
        "bytes" if name == "org.apache.kafka.connect.data.Decimal" => Kind::Decimal { scale: scale(schema)? },
        "bytes" => Kind::Bytes,
        "array" => Kind::Array(inner("items")?),
        "map" => Kind::Map { keys: inner("keys")?, values: inner("values")? },
        "struct" => Kind::Struct(fields(schema)?),
        other => {
            return Err(format!(
                "there is no type `{other}`; there are int8, int16, int32, int64, float, double, boolean, string, \
                 bytes, array, map and struct"
            ));
        }
    };
    let fits = match name {
        "org.apache.kafka.connect.data.Decimal" => matches!(read, Kind::Decimal { .. }),
        "org.apache.kafka.connect.data.Date"
        | "org.apache.kafka.connect.data.Time"
        | "io.debezium.time.Date" => {
            matches!(read, Kind::Integer(Width::Int32, _))
        }
        "org.apache.kafka.connect.data.Timestamp" | "io.debezium.time.MicroTimestamp" => {
            matches!(read, Kind::Integer(Width::Int64, _))
        }
        _ => true,
    };
    if fits { Ok(read) } else { Err(format!("`{name}` cannot be of type `{kind}`")) }
}

/// As QuestDB's Kafka connector sees them: a Time, and Debezium's other times, are numbers.
pub(in crate::decode) fn meaning(name: &str) -> Meaning {
    match name {
        "org.apache.kafka.connect.data.Date" | "io.debezium.time.Date" => Meaning::Days,
        "org.apache.kafka.connect.data.Timestamp" => Meaning::Millis,
        "io.debezium.time.MicroTimestamp" => Meaning::Micros,
        _ => Meaning::Number,
    }
}

fn scale(schema: &Object) -> Result<i32, String> {
    let given = match schema.field("parameters") {
        Some(Value::Object(parameters)) => parameters.field("scale"),
        _ => None,
    };
    match given {
        Some(Value::Text(scale)) => scale
            .parse()
            .ok()
            .filter(|scale| (-MAX_SCALE..=MAX_SCALE).contains(scale))
            .ok_or_else(|| format!("`{scale}` is no scale for a Decimal")),
        _ => Err("a Decimal needs its scale: \"parameters\": {\"scale\": \"2\"}".to_owned()),
    }
}

fn fields(schema: &mut Object) -> Result<Vec<(String, Schema)>, String> {
    let Some(Value::Array(fields)) = schema.remove("fields") else {
        return Err("a struct needs `fields`, an array".to_owned());
    };
    let mut named = Vec::with_capacity(fields.len());
    for field in fields {
        let Value::Object(mut field) = field else {
            return Err(format!("{} is no field of a struct", field.shown()));
        };
        let Some(Value::Text(name)) = field.remove("field") else {
            return Err("a field of a struct has no name in `field`".to_owned());
        };
        let schema =
            Schema::read(Value::Object(field)).map_err(|error| format!("field `{name}`: {error}"))?;
        named.push((name, schema));
    }
    let mut names: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("a struct has field `{}` twice", pair[0])),
        None => Ok(named),
    }
}
