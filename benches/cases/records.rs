//! The records that benchmarks read, and the settings and tables that they are read with.

use std::fmt::Write as _;
use std::io::Write as _;

use quafka::config::{Csv, Format, SchemaFile, TimestampConfig, TimestampUnit, TopicConfig};
use quafka::schema::{TableColumn, TableSchema};

/// Records in each of the lists.
pub const ROWS: usize = 1_000;

const SYMBOLS: [&str; 4] = ["BTC-USD", "ETH-USD", "SOL-USD", "DOGE-USD"];

/// JSON objects of 6 fields.
pub fn trades() -> Vec<String> {
    let trade = |row: usize| {
        format!(
            r#"{{"symbol":"{}","side":"{}","price":{}.5,"qty":0.{:02},"seq":{row},"ts":{}}}"#,
            SYMBOLS[row % 4],
            if row.is_multiple_of(3) { "buy" } else { "sell" },
            65_000 + row % 100,
            row % 90 + 10,
            1_700_000_000_000_000 + row * 1_000,
        )
    };
    (0..ROWS).map(trade).collect()
}

/// The trades' settings, as a user would have them.
pub fn with_symbols() -> TopicConfig {
    TopicConfig {
        timestamp: Some(TimestampConfig::of_number("ts", TimestampUnit::Micros)),
        symbols: vec!["symbol".to_owned(), "side".to_owned()],
        ..TopicConfig::default()
    }
}

/// The same, with a schema for them, and the file that has it until the settings are read.
pub fn by_json_schema() -> (TopicConfig, tempfile::NamedTempFile) {
    let schema = r#"{"type":"object","properties":{"symbol":{"type":"string"},"side":{"enum":["buy","sell"]},
        "price":{"type":"number"},"qty":{"type":["null","number"]},"seq":{"type":"integer"},"ts":{"type":"integer"}}}"#;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(schema.as_bytes()).unwrap();
    let schema = Some(SchemaFile { file: file.path().to_owned(), include: None, message: None });
    (TopicConfig { format: Format::JsonSchema, schema, ..with_symbols() }, file)
}

/// The trades' table, with these types of symbol, side, price, qty, seq and ts.
pub fn table_of(types: [&str; 6]) -> TableSchema {
    let mut schema = TableSchema { designated: Some("timestamp".into()), ..TableSchema::default() };
    let names = ["symbol", "side", "price", "qty", "seq", "ts"];
    let columns = names.into_iter().zip(types).chain([("timestamp", "TIMESTAMP")]);
    for (name, type_name) in columns {
        let column = TableColumn { name: name.into(), type_name: type_name.into() };
        schema.columns.insert(name.to_owned(), column);
    }
    schema
}

/// Types into which each of the trades' values has to be converted.
pub const OTHER_TYPES: [&str; 6] = ["VARCHAR", "CHAR", "FLOAT", "DECIMAL(18,4)", "DOUBLE", "TIMESTAMP"];

/// The trades with sides that a CHAR takes, for [`OTHER_TYPES`].
pub fn trades_with_short_sides() -> Vec<String> {
    trades().iter().map(|trade| trade.replace("\"buy\"", "\"b\"").replace("\"sell\"", "\"s\"")).collect()
}

/// JSON objects of 60 fields of all kinds.
pub fn wide() -> Vec<String> {
    let record = |row: usize| {
        let mut record = format!("{{\"id\":{row}");
        for field in 1..60 {
            let _ = match field % 4 {
                0 => write!(record, ",\"text_field_{field}\":\"value {row}\""),
                1 => write!(record, ",\"integer_field_{field}\":{}", row * field),
                2 => write!(record, ",\"double_field_{field}\":{}.25", row + field),
                _ => write!(record, ",\"flag_{field}\":{}", (row + field).is_multiple_of(2)),
            };
        }
        record + "}"
    };
    (0..ROWS).map(record).collect()
}

/// A trade, by the four things that all formats have of it: symbol, price, sequence number, time in microseconds.
pub fn short_trades(trade: impl Fn(&str, f64, usize, usize) -> String) -> Vec<String> {
    (0..ROWS)
        .map(|row| trade(SYMBOLS[row % 4], 65_000.5 + row as f64, row, 1_700_000_000_000_000 + row * 1_000))
        .collect()
}

/// Short trades as JSON.
pub fn short_json() -> Vec<String> {
    short_trades(|symbol, price, seq, ts| {
        format!(r#"{{"symbol":"{symbol}","price":{price},"seq":{seq},"ts":{ts}}}"#)
    })
}

/// Short trades as JSON with Connect's schema.
pub fn enveloped() -> Vec<String> {
    short_trades(|symbol, price, seq, ts| {
        format!(
            r#"{{"schema":{{"type":"struct","optional":false,"fields":[{{"type":"string","optional":false,"field":"symbol"}},{{"type":"double","optional":false,"field":"price"}},{{"type":"int64","optional":false,"field":"seq"}},{{"type":"int64","optional":false,"field":"ts"}}]}},"payload":{{"symbol":"{symbol}","price":{price},"seq":{seq},"ts":{ts}}}}}"#
        )
    })
}

/// Short trades as CSV, and the settings for it.
pub fn csv() -> (TopicConfig, Vec<String>) {
    let columns = ["symbol", "price", "seq", "ts"].map(str::to_owned).to_vec();
    let csv = Csv { columns, delimiter: ',', quote: '"', null: String::new() };
    let records = short_trades(|symbol, price, seq, ts| format!("{symbol},{price},{seq},{ts}"));
    (TopicConfig { csv: Some(csv), ..format(Format::Csv) }, records)
}

/// Short trades as InfluxDB line protocol.
pub fn influx() -> Vec<String> {
    short_trades(|symbol, price, seq, ts| format!("trades,symbol={symbol} price={price},seq={seq}i {ts}000"))
}

/// Settings that name a format.
pub fn format(format: Format) -> TopicConfig {
    TopicConfig { format, ..TopicConfig::default() }
}
