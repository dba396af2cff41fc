//! Orders of eight fields: two texts, two doubles, two integers, a time, an integer that may be null. As serializers with
//! a schema registry write them.

use std::sync::Arc;

use apache_avro::types::Value as Avro;
use prost_reflect::prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, ReflectMessage as _, Value as Protobuf};
use quafka::decode::avro::AvroSchema;
use quafka::decode::protobuf::ProtobufSchema;
use quafka::decode::{Known, Schema, SchemaBook, SchemaKey};

use super::records::ROWS;

/// Schema 1.
const AVRO: &str = r#"{"type":"record","name":"Order","fields":[
    {"name":"symbol","type":"string"},{"name":"side","type":{"type":"enum","name":"Side","symbols":["BUY","SELL"]}},
    {"name":"price","type":"double"},{"name":"qty","type":"double"},{"name":"id","type":"long"},{"name":"seq","type":"long"},
    {"name":"at","type":{"type":"long","logicalType":"timestamp-micros"}},{"name":"parent","type":["null","long"]}]}"#;

/// Schema 2.
const PROTOBUF: &str = "syntax = \"proto3\";
    import \"google/protobuf/timestamp.proto\";
    enum Side { BUY = 0; SELL = 1; }
    message Order {
        string symbol = 1;
        Side side = 2;
        double price = 3;
        double qty = 4;
        int64 id = 5;
        int64 seq = 6;
        google.protobuf.Timestamp at = 7;
        optional int64 parent = 8;
    }";

const SYMBOLS: [&str; 4] = ["BTC-USD", "ETH-USD", "SOL-USD", "DOGE-USD"];

/// Both schemas.
pub fn book() -> SchemaBook {
    let book = SchemaBook::default();
    let avro = Schema::Avro(Arc::new(AvroSchema::parse(AVRO, &[]).unwrap()));
    book.insert(SchemaKey::Id(1), Known::Schema(avro));
    let protobuf = Schema::Protobuf(Arc::new(ProtobufSchema::parse(PROTOBUF, &[]).unwrap()));
    book.insert(SchemaKey::Id(2), Known::Schema(protobuf));
    book
}

/// The parent of an order, which not all have.
fn parent(row: usize) -> Option<i64> {
    (!row.is_multiple_of(3)).then_some(row as i64 * 7)
}

/// By schema 1.
pub fn avro() -> Vec<Vec<u8>> {
    let schema = apache_avro::Schema::parse_str(AVRO).unwrap();
    let order = |row: usize| {
        let parent = match parent(row) {
            None => Avro::Union(0, Box::new(Avro::Null)),
            Some(parent) => Avro::Union(1, Box::new(Avro::Long(parent))),
        };
        let fields = [
            ("symbol", Avro::String(SYMBOLS[row % 4].to_owned())),
            ("side", Avro::Enum((row % 2) as u32, ["BUY", "SELL"][row % 2].to_owned())),
            ("price", Avro::Double(65_000.5 + row as f64)),
            ("qty", Avro::Double(0.25 * row as f64)),
            ("id", Avro::Long(1_000_000_000 + row as i64)),
            ("seq", Avro::Long(row as i64)),
            ("at", Avro::TimestampMicros(1_700_000_000_000_000 + row as i64)),
            ("parent", parent),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let datum = apache_avro::to_avro_datum(&schema, Avro::Record(fields)).unwrap();
        [&[0, 0, 0, 0, 1][..], &datum].concat()
    };
    (0..ROWS).map(order).collect()
}

/// By schema 2.
pub fn protobuf() -> Vec<Vec<u8>> {
    let file = protox::file::File::from_source("order.proto", PROTOBUF).unwrap();
    let mut pool = DescriptorPool::global();
    pool.add_file_descriptor_proto(file.file_descriptor_proto().clone()).unwrap();
    let descriptor = pool.get_message_by_name("Order").unwrap();
    let order = |row: usize| {
        let mut order = DynamicMessage::new(descriptor.clone());
        let mut at = DynamicMessage::new(pool.get_message_by_name("google.protobuf.Timestamp").unwrap());
        at.set_field_by_name("seconds", Protobuf::I64(1_700_000_000));
        at.set_field_by_name("nanos", Protobuf::I32(row as i32 * 1_000));
        for (name, value) in [
            ("symbol", Protobuf::String(SYMBOLS[row % 4].to_owned())),
            ("side", Protobuf::EnumNumber((row % 2) as i32)),
            ("price", Protobuf::F64(65_000.5 + row as f64)),
            ("qty", Protobuf::F64(0.25 * row as f64)),
            ("id", Protobuf::I64(1_000_000_000 + row as i64)),
            ("seq", Protobuf::I64(row as i64)),
            ("at", Protobuf::Message(at)),
        ] {
            order.set_field_by_name(name, value);
        }
        if let Some(parent) = parent(row) {
            order.set_field_by_name("parent", Protobuf::I64(parent));
        }
        assert_eq!(order.descriptor(), descriptor);
        [&[0, 0, 0, 0, 2, 0][..], &order.encode_to_vec()].concat()
    };
    (0..ROWS).map(order).collect()
}
