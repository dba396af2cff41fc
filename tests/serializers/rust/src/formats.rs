//! What each format makes of a record.

use std::error::Error;

use apache_avro::types::Value as Avro;
use base64::Engine as _;
use chrono::{DateTime, NaiveDate};
use schema_registry_converter::async_impl::avro::AvroEncoder;
use schema_registry_converter::async_impl::json::JsonEncoder;
use schema_registry_converter::async_impl::proto_encoder::ProtoEncoder;
use schema_registry_converter::async_impl::schema_registry::SrSettings;
use schema_registry_converter::schema_registry_common::{SchemaType, SubjectNameStrategy, SuppliedSchema};
use serde_json::{Map, Value, json};

/// Encodes by one version of a schema. An encoder of the crate's knows one schema for a subject.
pub struct Encoder {
    by: By,
    strategy: SubjectNameStrategy,
    /// From 0.
    version: usize,
}

enum By {
    Avro(AvroEncoder),
    Json(JsonEncoder),
    Protobuf(ProtoEncoder),
}

impl Encoder {
    pub fn new(
        format: &str,
        registry: &str,
        topic: &str,
        schema: &str,
        version: usize,
    ) -> Result<Self, Box<dyn Error>> {
        let settings = SrSettings::new(registry.to_owned());
        let (by, kind) = match format {
            "avro" => (By::Avro(AvroEncoder::new(settings)), SchemaType::Avro),
            "json" => (By::Json(JsonEncoder::new(settings)), SchemaType::Json),
            "protobuf" => (By::Protobuf(ProtoEncoder::new(settings)), SchemaType::Protobuf),
            other => return Err(format!("there is no format {other}").into()),
        };
        let schema = SuppliedSchema::new(Some("example.Trade".to_owned()), kind, schema.to_owned());
        let strategy = SubjectNameStrategy::TopicNameStrategyWithSchema(topic.to_owned(), false, schema);
        Ok(Self { by, strategy, version })
    }

    pub async fn encode(&self, trade: &Value) -> Result<Vec<u8>, Box<dyn Error>> {
        let strategy = &self.strategy;
        Ok(match &self.by {
            By::Avro(encoder) => encoder.encode(of_avro(trade, self.version)?, strategy.clone()).await?,
            By::Json(encoder) => encoder.encode(&of_json(trade, self.version)?, strategy.clone()).await?,
            By::Protobuf(encoder) => {
                encoder.encode_json(&of_protobuf(trade, self.version)?, "example.Trade", strategy).await?
            }
        })
    }
}

fn of_avro(trade: &Value, version: usize) -> Result<Vec<(&'static str, Avro)>, Box<dyn Error>> {
    let text = |value: &Value| Avro::String(value.as_str().unwrap_or_default().to_owned());
    let long = |value: &Value| Avro::Long(value.as_i64().unwrap_or_default());
    let double = |value: &Value| Avro::Double(value.as_f64().unwrap_or_default());
    let optional = |value: &Value, of: &dyn Fn(&Value) -> Avro| match value {
        Value::Null => Avro::Union(0, Box::new(Avro::Null)),
        value => Avro::Union(1, Box::new(of(value))),
    };
    let side = text(&trade["side"]);
    let Avro::String(symbol) = side else { return Err("a side is a text".into()) };
    let day: NaiveDate = trade["day"].as_str().unwrap_or_default().parse()?;
    let levels = trade["levels"].as_array().into_iter().flatten().map(double).collect();
    let tags = trade["tags"].as_object().into_iter().flatten();
    let cents = trade["amount_cents"].as_i64().unwrap_or_default();
    let mut values = vec![
        ("id", long(&trade["id"])),
        ("symbol", text(&trade["symbol"])),
        ("price", double(&trade["price"])),
        ("at", Avro::TimestampMillis(trade["at_ms"].as_i64().unwrap_or_default())),
        ("day", Avro::Date(i32::try_from((day - NaiveDate::default()).num_days())?)),
        ("side", Avro::Enum(u32::from(symbol == "SELL"), symbol)),
        ("levels", Avro::Array(levels)),
        ("tags", Avro::Map(tags.map(|(key, value)| (key.clone(), text(value))).collect())),
        (
            "venue",
            Avro::Record(vec![
                ("name".to_owned(), text(&trade["venue"]["name"])),
                ("region".to_owned(), optional(&trade["venue"]["region"], &text)),
            ]),
        ),
        ("amount", Avro::Decimal(apache_avro::Decimal::from(cents.to_be_bytes()))),
        (
            "raw",
            Avro::Bytes(
                base64::engine::general_purpose::STANDARD
                    .decode(trade["raw"].as_str().unwrap_or_default())?,
            ),
        ),
        (
            "either",
            match &trade["either"] {
                Value::Null => Avro::Union(0, Box::new(Avro::Null)),
                value @ Value::Number(_) => Avro::Union(1, Box::new(long(value))),
                value => Avro::Union(2, Box::new(text(value))),
            },
        ),
    ];
    let int =
        |value: &Value| Avro::Int(value.as_i64().and_then(|value| value.try_into().ok()).unwrap_or_default());
    values.push((
        "qty",
        if version < 2 { optional(&trade["qty"], &int) } else { optional(&trade["qty"], &long) },
    ));
    if version < 3 {
        values.push(("note", optional(&trade["note"], &text)));
    } else {
        values.push(("trader", text(&trade["trader"])));
    }
    if version >= 1 {
        values.push(("fee", optional(&trade["fee"], &double)));
    }
    Ok(values)
}

fn time(trade: &Value) -> Result<String, Box<dyn Error>> {
    let time = DateTime::from_timestamp_millis(trade["at_ms"].as_i64().unwrap_or_default());
    Ok(time.ok_or("there is no such time")?.to_rfc3339())
}

/// The members that are as in the job, with those that a version of the schema has.
fn common(trade: &Value, version: usize, names: &[&str]) -> Map<String, Value> {
    let mut members: Map<_, _> = names.iter().map(|name| ((*name).to_owned(), trade[name].clone())).collect();
    if version < 3 {
        members.insert("note".to_owned(), trade["note"].clone());
    }
    if version >= 1 {
        members.insert("fee".to_owned(), trade["fee"].clone());
    }
    members
}

fn of_json(trade: &Value, version: usize) -> Result<Value, Box<dyn Error>> {
    let names = ["id", "symbol", "price", "qty", "day", "side", "levels", "tags", "venue", "raw"];
    let mut members = common(trade, version, &names);
    members.insert("at".to_owned(), time(trade)?.into());
    members.insert("amount".to_owned(), json!(trade["amount_cents"].as_f64().unwrap_or_default() / 100.0));
    Ok(members.into())
}

/// In Protobuf's own mapping of JSON, where what is null is absent.
fn of_protobuf(trade: &Value, version: usize) -> Result<Value, Box<dyn Error>> {
    let names = ["id", "symbol", "price", "qty", "side", "levels", "tags", "venue", "raw"];
    let mut members = common(trade, version, &names);
    members.insert("at".to_owned(), time(trade)?.into());
    match &trade["either"] {
        Value::Null => {}
        number @ Value::Number(_) => drop(members.insert("either_long".to_owned(), number.clone())),
        text => drop(members.insert("either_string".to_owned(), text.clone())),
    }
    if version >= 3 {
        members.insert("trader".to_owned(), trade["trader"].clone());
    }
    members.retain(|_, value| !value.is_null());
    Ok(members.into())
}
