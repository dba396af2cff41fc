#![no_main]
//! Any bytes in any format, through transforms: nothing panics, rows are as many as are counted, and neither time nor
//! memory is out of proportion to the input (libFuzzer's -timeout and -rss_limit_mb watch over these).
//!
//! The first byte picks the format, the second the transforms, the third how long the key is; the rest is the key and
//! the value.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use quafka::config::{Csv, Format, TopLevelArray, TopicConfig, Transform};
use quafka::mapping::{Appended, Pipeline, SourceRecord, Tables};
use quafka::schema::TableSchema;

const FORMATS: [Format; 13] = [
    Format::Auto,
    Format::Json,
    Format::JsonEnvelope,
    Format::Text,
    Format::Csv,
    Format::Influx,
    Format::Raw,
    Format::Short,
    Format::Integer,
    Format::Long,
    Format::Float,
    Format::Double,
    Format::Boolean,
];

const TRANSFORMS: [&str; 6] = [
    "",
    r#"{ type = "Flatten" }"#,
    r#"{ type = "ExtractNewRecordState", "add.fields" = "op,source.ts_ms" }, { type = "HoistField", field = "h" }"#,
    r#"{ type = "StructArrayExplode", mappings = "a:b,c:x,y" }, { type = "OrderBookToArray", mappings = "d:e:x" }"#,
    r#"{ type = "TimestampConverter", field = "t", "target.type" = "string", format = "yyyy-MM-dd'T'HH:mm:ss.SSSXXX" },
       { type = "TimestampConverter", field = "t", "target.type" = "Timestamp", format = "d MMM yy hh:mm a z" },
       { type = "Cast", spec = "a:int8,b:string,c:float32,d:boolean" }, { type = "MaskField", fields = "e" }"#,
    r#"{ type = "ValueToKey", fields = "a" }, { type = "ExtractField", of = "key", field = "a" },
       { type = "HeaderFrom", fields = "b", headers = "b", operation = "move" },
       { type = "RegexRouter", regex = "(.)(.*)", replacement = "$2" }"#,
];

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let [format, transforms, key_length, rest @ ..] = data else { return };
    let pipelines = pipelines();
    let pipeline = &pipelines[*format as usize % FORMATS.len()][*transforms as usize % TRANSFORMS.len()];
    let (key, value) = rest.split_at(rest.len().min(usize::from(*key_length)));
    let records = [(None, Some(value)), (Some(key), Some(value)), (Some(value), None)];
    let mut plans = HashMap::new();
    // A second time, with the tables that the records were found to go to.
    for _ in 0..2 {
        let mut tables = Tables::new(pipeline, &plans);
        let mut with_rows = 0;
        for (index, &(key, value)) in records.iter().enumerate() {
            let record = SourceRecord { index: index as u32, key, value, ..SourceRecord::default() };
            match tables.append(&record) {
                Ok(appended) => with_rows += usize::from(appended == Appended::Row),
                Err(error) => assert_eq!(error.record, record.index),
            }
        }
        let unknown = tables.unknown().clone();
        if unknown.is_empty() {
            let mut seen: Vec<_> =
                tables.finish().tables.iter().flat_map(|rows| rows.block.origin.to_vec()).collect();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), with_rows);
        }
        for table in unknown {
            let plan = pipeline.plan(&table, &TableSchema::default()).expect("a table that does not exist");
            plans.insert(table, Arc::new(plan));
        }
    }
});

fn pipelines() -> &'static [Vec<Pipeline>] {
    static PIPELINES: OnceLock<Vec<Vec<Pipeline>>> = OnceLock::new();
    PIPELINES.get_or_init(|| FORMATS.iter().map(|&format| with_all_transforms(format)).collect())
}

fn with_all_transforms(format: Format) -> Vec<Pipeline> {
    let csv = Csv { columns: ["a", "b", "t"].map(str::to_owned).to_vec(), delimiter: ',', quote: '"', null: "-".into() };
    let pipeline = |transforms: &&str| {
        let table: toml::Table = format!("transforms = [{transforms}]").parse().expect("TOML");
        let transforms: Vec<Transform> = table["transforms"].clone().try_into().expect("transforms");
        let config = TopicConfig {
            format,
            key_format: if format == Format::Csv || format == Format::Influx { Format::Json } else { format },
            csv: Some(csv.clone()),
            top_level_array: TopLevelArray::Rows,
            transforms,
            ..TopicConfig::default()
        };
        Pipeline::new("topic", &Arc::new(config)).expect("a pipeline")
    };
    TRANSFORMS.iter().map(pipeline).collect()
}
