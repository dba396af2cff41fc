//! Formats and transforms, from a record's bytes to columns.

use proptest::prelude::*;

use super::*;
use crate::config::{Csv, Format, LoneSurrogates, TopLevelArray, Transform, Unsupported};
use crate::mapping::{Pipeline, Tables};

type KeyAndValue<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

/// The columns of a topic's only table, and the errors.
fn rows(config: TopicConfig, records: &[KeyAndValue<'_>]) -> (Vec<String>, Vec<String>) {
    let config = Arc::new(config);
    let pipeline = Pipeline::new("t", &config).unwrap();
    let mut plans = HashMap::new();
    loop {
        let mut tables = Tables::new(&pipeline, &plans);
        let mut errors = Vec::new();
        for (index, &(key, value)) in records.iter().enumerate() {
            let record = SourceRecord {
                index: index as u32,
                timestamp_ms: 1_000 + index as i64,
                key,
                value,
                ..SourceRecord::default()
            };
            if let Err(error) = tables.append(&record) {
                assert_eq!(error.record, index as u32);
                errors.push(format!("{index}: {}", error.message));
            }
        }
        let unknown = tables.unknown().clone();
        if unknown.is_empty() {
            let shown = |rows: &crate::mapping::TableRows| {
                let columns = rows.block.columns.iter();
                columns
                    .map(|column| format!("{}.{} {}", rows.block.table, column.name, show(&column.values)))
                    .collect::<Vec<_>>()
            };
            return (tables.finish().tables.iter().flat_map(shown).collect(), errors);
        }
        for table in unknown {
            let plan = pipeline.plan(&table, &TableSchema::default()).unwrap();
            plans.insert(table, Arc::new(plan));
        }
    }
}

fn values(config: TopicConfig, values: &[&str]) -> (Vec<String>, Vec<String>) {
    let records: Vec<_> = values.iter().map(|value| (None, Some(value.as_bytes()))).collect();
    rows(config, &records)
}

fn format(format: Format) -> TopicConfig {
    TopicConfig { format, ..TopicConfig::default() }
}

fn with_transforms(toml: &str) -> TopicConfig {
    let table: toml::Table = format!("transforms = [{toml}]").parse().unwrap();
    let transforms: Vec<Transform> = table["transforms"].clone().try_into().unwrap();
    TopicConfig { transforms, ..format(Format::Json) }
}

#[test]
fn json_of_any_kind_is_typed_in_place_as_by_a_tree() {
    let documents =
        ["42", " 43 ", "null", " ", "{\"a\":1,\"a\":2}", "1.5", "nope", "{\"a\":", "42 43", "\"text\""];
    let (in_place, errors) = values(format(Format::Json), &documents);
    assert_eq!(in_place, ["t.value DOUBLE 42.0 43.0 null 1.5", "t.a LONG null null 2 null"]);
    assert_eq!(errors.len(), 4, "{errors:?}");
    assert!(errors[0].contains("the value is not valid JSON"), "{errors:?}");
    assert!(errors[3].contains("a string"), "{errors:?}");
    // A transform that changes nothing has the record read as a tree.
    let (by_tree, tree_errors) = values(with_transforms("{ type = \"SetSchemaMetadata\" }"), &documents);
    assert_eq!(by_tree, in_place);
    assert_eq!(tree_errors.len(), errors.len(), "{tree_errors:?}");
}

#[test]
fn an_array_is_a_value_or_refused_or_rows() {
    let arrays = |top_level_array| TopicConfig { top_level_array, ..format(Format::Json) };
    assert_eq!(values(arrays(TopLevelArray::Value), &["[1,2.5]"]).0, ["t.value ARRAY [2][1.0,2.5]"]);
    let (columns, errors) = values(arrays(TopLevelArray::Refuse), &["[1]", "{\"a\":1}"]);
    assert_eq!(columns, ["t.a LONG 1"]);
    assert!(errors[0].contains("top_level_array = \"rows\""), "{errors:?}");
    let rows =
        |format| TopicConfig { top_level_array: TopLevelArray::Rows, format, ..TopicConfig::default() };
    for format in [Format::Json, Format::Auto] {
        let (columns, errors) =
            values(rows(format), &["[{\"a\":1},null,{\"a\":2}]", "{\"a\":3}", "[{\"a\":4},{}]"]);
        // The last record has a row without columns, so that nothing of it is written.
        assert_eq!(columns, ["t.a LONG 1 2 3"], "{format}");
        assert_eq!(errors.len(), 1, "{errors:?}");
    }
}

#[test]
fn text_is_text_whatever_it_looks_like() {
    let config = TopicConfig { key_format: Format::Text, ..format(Format::Text) };
    let records: [KeyAndValue<'_>; 5] = [
        (Some(b"k"), Some(b"{\"a\":1,\"a\":2}")),
        (Some(b"{"), Some(b"")),
        (Some(b""), Some(b"x\xffy")),
        (Some(b"\xff"), None),
        (None, Some(b"z")),
    ];
    let (columns, errors) = rows(config, &records);
    assert_eq!(
        columns,
        [r#"t.key VARCHAR "k" "{" "" null"#, r#"t.value VARCHAR "{\"a\":1,\"a\":2}" "" "x�y" "z""#]
    );
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn keys_are_what_their_format_says() {
    let config = |include_key| TopicConfig { key_format: Format::Json, include_key, ..format(Format::Json) };
    let records: [KeyAndValue<'_>; 6] = [
        (Some(b"42"), Some(b"{\"id\":1}")),
        (Some(b"null"), Some(b"{\"id\":2}")),
        (Some(b"not json"), Some(b"{\"id\":3}")),
        (Some(b"{\"k\":1,\"k\":2}"), Some(b"{\"id\":4}")),
        (None, Some(b"{\"id\":5}")),
        (Some(b"not json"), None),
    ];
    let (columns, errors) = rows(config(true), &records);
    assert_eq!(
        columns,
        ["t.key LONG 42 null null null", "t.id LONG 1 2 4 5", "t.key_k LONG null null 2 null"]
    );
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(
        errors[0].starts_with("2: the record's key is not valid JSON, which `key_format` says"),
        "{errors:?}"
    );
    // A key that is not written still has to be one.
    let (columns, errors) = rows(config(false), &records);
    assert_eq!(columns, ["t.id LONG 1 2 4 5"]);
    assert_eq!(errors.len(), 2, "{errors:?}");
}

#[test]
fn kafkas_primitives() {
    let config = |value| TopicConfig { key_format: Format::Integer, ..format(value) };
    let key = 7_i32.to_be_bytes();
    let double = |value: f64| value.to_be_bytes();
    let (columns, errors) = rows(config(Format::Short), &[(Some(&key), Some(&[0, 12])), (None, Some(&[0]))]);
    assert_eq!(columns, ["t.key LONG 7", "t.value LONG 12"]);
    assert!(errors[0].contains("cannot be read as short: it has 1 byte(s)"), "{errors:?}");
    let specials = [f64::NAN, f64::INFINITY, -0.0].map(double);
    let records: Vec<_> = specials.iter().map(|bytes| (None, Some(&bytes[..]))).collect();
    let (columns, errors) = rows(config(Format::Double), &records);
    assert_eq!(columns, ["t.value DOUBLE NaN inf -0.0"]);
    assert!(errors.is_empty(), "{errors:?}");
    let float = TopicConfig { symbols: vec!["value".to_owned()], ..format(Format::Float) };
    let bytes = 0.1_f32.to_be_bytes();
    assert_eq!(rows(float, &[(None, Some(&bytes))]).0, ["t.value SYMBOL 0.1"]);
    let bytes = 0.1_f32.to_be_bytes();
    assert_eq!(
        rows(format(Format::Float), &[(None, Some(&bytes))]).0,
        ["t.value DOUBLE 0.10000000149011612"]
    );
}

#[test]
fn csv_values_become_what_their_columns_are() {
    let csv = Csv {
        columns: ["id", "price", "zip", "ok", "sym"].map(str::to_owned).to_vec(),
        delimiter: ';',
        quote: '"',
        null: "-".to_owned(),
    };
    let config = TopicConfig { csv: Some(csv), symbols: vec!["sym".to_owned()], ..format(Format::Csv) };
    let lines = ["1;1.50;007;true;1.50", "2;2e3;\"a;b\";false;x\n", "3;-;;;y", "4;5", ""];
    let (columns, errors) = values(config.clone(), &lines);
    assert_eq!(
        columns,
        [
            "t.id LONG 1 2 3",
            "t.price DOUBLE 1.5 2000.0 null",
            r#"t.zip VARCHAR "007" "a;b" null"#,
            "t.ok BOOLEAN true false null",
            "t.sym SYMBOL 1.50 x y",
        ]
    );
    assert!(
        errors[0].contains("it has 2 values between `;`, and `csv.columns` names 5 columns"),
        "{errors:?}"
    );
    // The columns that the table has decide.
    let pipeline = Pipeline::new("t", &Arc::new(config)).unwrap();
    let table = TableName::new("t");
    let schema = schema(&[
        ("timestamp", "TIMESTAMP"),
        ("id", "VARCHAR"),
        ("price", "LONG"),
        ("zip", "SYMBOL"),
        ("ok", "VARCHAR"),
    ]);
    let plans = HashMap::from([(table.clone(), Arc::new(pipeline.plan(&table, &schema).unwrap()))]);
    let mut tables = Tables::new(&pipeline, &plans);
    let record = SourceRecord { value: Some(b"1.50;2.0;7;true;x"), ..SourceRecord::default() };
    assert_eq!(tables.append(&record), Ok(Appended::Row));
    let record = SourceRecord { index: 1, value: Some(b"1;x;7;true;x"), ..SourceRecord::default() };
    assert!(tables.append(&record).unwrap_err().message.contains("price"));
    let rows = tables.finish().tables;
    let shown: Vec<_> = rows[0].block.columns.iter().map(|column| show(&column.values)).collect();
    assert_eq!(shown[..4], [r#"VARCHAR "1.50""#, "LONG 2", "SYMBOL 7", r#"VARCHAR "true""#]);
}

#[test]
fn influx_lines_go_to_the_tables_that_they_name() {
    let lines = "cpu,host=a usage=1.5 1600000000000000000\nmem used=5i";
    let (columns, errors) = values(format(Format::Influx), &[lines, "cpu usage=2", "cpu nonsense"]);
    assert_eq!(columns, ["cpu.host SYMBOL a null", "cpu.usage DOUBLE 1.5 2.0", "mem.used LONG 5"]);
    assert!(errors[0].contains("cannot be read as influx: line 1"), "{errors:?}");
    let all = TopicConfig { table: Some("all".parse().unwrap()), ..format(Format::Influx) };
    let (columns, _) = values(all, &["a x=1", "b x=2"]);
    assert_eq!(columns, ["all.x DOUBLE 1.0 2.0"]);
}

#[test]
fn envelopes_are_typed_by_their_schemas() {
    let envelope = |payload: &str| {
        format!(
            r#"{{"schema":{{"type":"struct","fields":[{{"type":"double","field":"d"}},{{"type":"string","optional":true,"field":"s"}}]}},"payload":{payload}}}"#
        )
    };
    let documents = [envelope(r#"{"d":1}"#), envelope(r#"{"s":"x","d":2.5}"#), envelope(r#"{"d":"x"}"#)];
    let documents: Vec<_> = documents.iter().map(String::as_str).collect();
    let (columns, errors) = values(format(Format::JsonEnvelope), &documents);
    assert_eq!(columns, ["t.d DOUBLE 1.0 2.5", r#"t.s VARCHAR null "x""#]);
    assert!(
        errors[0].contains(
            "cannot be read as json_envelope: field `d`: \"x\" contradicts the schema, which says double"
        ),
        "{errors:?}"
    );
}

#[test]
fn empty_arrays_of_a_schema_make_columns() {
    let envelope = |payload: &str| {
        let (one, two) = (r#"{"type":"array","items":{"type":"double"}"#, r#"{"type":"array","items":"#);
        format!(
            r#"{{"schema":{{"type":"struct","fields":[{one},"optional":true,"field":"a"}},{two}{one}}},"optional":true,"field":"b"}}]}},"payload":{payload}}}"#
        )
    };
    let documents =
        [r#"{"a":[],"b":[[]]}"#, r#"{"a":[1.5]}"#, r#"{"b":[[1,2]]}"#, r#"{"b":[[],[1.5]]}"#].map(envelope);
    let documents: Vec<_> = documents.iter().map(String::as_str).collect();
    let (columns, errors) = values(format(Format::JsonEnvelope), &documents);
    assert_eq!(columns, ["t.a ARRAY [0][] [1][1.5] null", "t.b ARRAY [0,0][] null [1,2][1.0,2.0]"]);
    assert!(errors.len() == 1 && errors[0].contains("rectangular"), "{errors:?}");
}

#[test]
fn numbers_that_a_cast_makes_too_narrow() {
    let cast = |unsupported| TopicConfig {
        unsupported,
        ..with_transforms("{ type = \"Cast\", spec = \"e:int8,f:float32\" }")
    };
    let documents = [r#"{"id":1,"e":5}"#, r#"{"id":2,"f":1.5}"#, r#"{"id":3}"#];
    let (columns, errors) = values(cast(Unsupported::Refuse), &documents);
    assert_eq!(columns, ["t.id LONG 3"]);
    assert!(
        errors[0].starts_with("0: column e: a transform has made 5 an int8, int16 or float32"),
        "{errors:?}"
    );
    assert!(errors[1].contains("column f: a transform has made 1.5 an"), "{errors:?}");
    // A text of its own has a schema, and what that is cast to is no Java object without one.
    let key = TopicConfig {
        key_format: Format::Text,
        unsupported: Unsupported::Refuse,
        ..with_transforms("{ type = \"Cast\", of = \"key\", spec = \"int8\" }")
    };
    assert_eq!(rows(key, &[(Some(b"7"), Some(b"{\"id\":1}"))]).0, ["t.key LONG 7", "t.id LONG 1"]);
    let (columns, errors) = values(cast(Unsupported::Skip), &documents);
    assert_eq!((columns, errors.len()), (vec!["t.id LONG 1 2 3".to_owned()], 0));
    let (columns, errors) = values(cast(Unsupported::Text), &documents);
    assert_eq!(columns, ["t.id LONG 1 2 3", "t.e LONG 5 null null", "t.f DOUBLE null 1.5 null"]);
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn halves_of_surrogate_pairs_in_documents_that_are_read_whole() {
    let config = |halves, format| TopicConfig {
        lone_surrogates: halves,
        top_level_array: TopLevelArray::Rows,
        format,
        ..TopicConfig::default()
    };
    let documents = [r#"[{"v":"\ud83d"}]"#, r#"[{"v":"\ud83d\ude80"}]"#];
    for format in [Format::Json, Format::Auto] {
        let (columns, errors) = values(config(LoneSurrogates::Replace, format), &documents);
        assert_eq!((columns, errors.len()), (vec![r#"t.v VARCHAR "?" "🚀""#.to_owned()], 0));
        let (_, errors) = values(config(LoneSurrogates::Refuse, format), &documents);
        assert!(errors[0].contains("`lone_surrogates = \"replace\"` for the topic"), "{errors:?}");
    }
}

#[test]
fn transforms_see_tombstones_and_route_to_tables() {
    let config = with_transforms(
        "{ type = \"HoistField\", field = \"gone\", predicate = { type = \"RecordIsTombstone\" } },
         { type = \"RegexRouter\", regex = \"t\", replacement = \"routed\" }",
    );
    let records: [KeyAndValue<'_>; 2] = [(Some(b"k"), None), (Some(b"k"), Some(b"{\"id\":1}"))];
    let (columns, errors) = rows(config, &records);
    assert_eq!(columns, [r#"routed.key VARCHAR "k" "k""#, "routed.id LONG null 1"]);
    assert!(errors.is_empty(), "{errors:?}");
    let (columns, errors) = values(
        with_transforms("{ type = \"Cast\", spec = \"a:int32\" }"),
        &["{\"a\":\"5\"}", "{\"a\":\"x\"}"],
    );
    assert_eq!(columns, ["t.a LONG 5"]);
    assert!(errors[0].starts_with("1: transform 1, `Cast` of the value: field `a`:"), "{errors:?}");
}

#[test]
fn what_is_repeated_with_each_row_is_bounded() {
    let config = TopicConfig { top_level_array: TopLevelArray::Rows, ..format(Format::Json) };
    let key = vec![b'k'; 100_000];
    let rows_of = |elements: usize| format!("[{}{{\"a\":1}}]", "{\"a\":1},".repeat(elements));
    let (few, many) = (rows_of(10), rows_of(1_000));
    let records: [KeyAndValue<'_>; 2] =
        [(Some(&key), Some(few.as_bytes())), (Some(&key), Some(many.as_bytes()))];
    let (columns, errors) = rows(config, &records);
    assert!(errors[0].starts_with("1: the batch's records with several rows have keys"), "{errors:?}");
    assert!(columns[1].ends_with(&"1 ".repeat(11).trim_end()), "{}", columns[1]);
}

#[test]
fn settings_that_make_no_pipeline() {
    let error = |config: TopicConfig| Pipeline::new("t", &Arc::new(config)).unwrap_err().to_string();
    assert!(error(format(Format::Csv)).contains("csv = { columns"));
    let wrong = error(with_transforms("{ type = \"Flaten\" }"));
    assert_eq!(
        wrong,
        "topic \"t\": transforms: number 1, `Flaten`: there is no such transform; did you mean `Flatten`?"
    );
}

const ALL_TRANSFORMS: &str = r#"{ type = "Flatten", predicate = { type = "RecordIsTombstone" }, negate = true },
    { type = "InsertField", "offset.field" = "o" },
    { type = "TimestampConverter", field = "t", "target.type" = "unix", format = "yyyy-MM-dd" },
    { type = "Cast", spec = "a:int8,b:string" }, { type = "MaskField", fields = "c" },
    { type = "OrderBookToArray", mappings = "d:e:x" }, { type = "ExtractNewRecordState" }"#;

proptest! {
    /// Of whatever bytes: no panic, an error for its own record, and as many rows as were reported.
    #[test]
    fn any_bytes_in_any_format(
        format in prop::sample::select(vec![
            Format::Auto, Format::Json, Format::JsonEnvelope, Format::Text, Format::Csv, Format::Influx, Format::Raw,
            Format::Short, Format::Integer, Format::Long, Format::Float, Format::Double, Format::Boolean,
        ]),
        transformed: bool,
        json in r#"(\[|\{"schema":\{"type":"(struct|int8|array)"(,"fields":\[\]|,"items":\{"type":"string"\})?\},"payload":)?(\{"[a-e]":|\[)?(1|"x"|null|\{"x":1.5\}|true|\[\])?(,"b":2)?[}\]]{0,3}"#,
        noise in prop::collection::vec(any::<u8>(), 0..10),
        cut in 0_usize..40,
    ) {
        let mut bytes = json.into_bytes();
        bytes.truncate(bytes.len().saturating_sub(cut / 8));
        bytes.extend(noise.into_iter().skip(cut % 11));
        let base = if transformed { with_transforms(ALL_TRANSFORMS) } else { TopicConfig::default() };
        let csv = Csv { columns: vec!["a".into(), "b".into()], delimiter: ',', quote: '"', null: String::new() };
        let key_format = if matches!(format, Format::Csv | Format::Influx) { Format::Auto } else { format };
        let config = TopicConfig { format, key_format, csv: Some(csv), top_level_array: TopLevelArray::Rows, ..base };
        let records: [KeyAndValue<'_>; 3] = [(None, Some(&bytes)), (Some(&bytes), Some(&bytes)), (Some(&bytes), None)];
        let (_, errors) = rows(config, &records);
        prop_assert!(errors.len() <= records.len());
    }
}
