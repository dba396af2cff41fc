//! Computed columns and filters: from records to blocks.

use arrow_array::{BooleanArray, Float64Array, Int64Array, StringArray};

use super::*;
use crate::mapping::{Finished, Pipeline, Tables};
use crate::rows::Column;

/// What records become, with the table's columns, the first of them the designated timestamp.
fn finish(settings: &str, columns: &[(&str, &str)], records: &[&str]) -> Finished {
    let config = config(settings);
    let pipeline = Pipeline::new("t", &config).unwrap();
    let mut plans = HashMap::new();
    loop {
        let mut tables = Tables::new(&pipeline, &plans);
        for (index, value) in records.iter().enumerate() {
            let (index, value) = (index as u32, Some(value.as_bytes()));
            let record = SourceRecord { index, timestamp_ms: 1_000, value, ..SourceRecord::default() };
            tables.append(&record).unwrap();
        }
        if tables.unknown().is_empty() {
            return tables.finish();
        }
        for table in tables.unknown().clone() {
            let plan = pipeline.plan(&table, &schema(columns)).unwrap();
            plans.insert(table, Arc::new(plan));
        }
    }
}

/// The one table that all records went to.
fn block(finished: Finished) -> Block {
    assert_eq!(finished.errors, []);
    let [rows]: [_; 1] = finished.tables.try_into().unwrap();
    rows.block
}

fn config(settings: &str) -> Arc<TopicConfig> {
    let text = format!("[topics.t]\n{settings}");
    let loaded = crate::config::parse(std::path::Path::new("q.toml"), &text, &Default::default()).unwrap();
    loaded.config.topics.of("t")
}

fn column<'b>(block: &'b Block, name: &str) -> &'b ColumnValues {
    let named = |column: &&Column| &*column.name == name;
    &block.columns.iter().find(named).unwrap_or_else(|| panic!("{name}: {:?}", block.columns)).values
}

const TRADES: [&str; 3] =
    [r#"{"price":1.5,"qty":2}"#, r#"{"price":-1,"qty":3}"#, r#"{"price":4.0,"qty":0,"side":"buy"}"#];

#[test]
fn columns_are_computed_and_rows_filtered() {
    let settings =
        "columns = { notional = \"price * qty\", twice = \"notional * 2\" }\nfilter = \"notional >= 0\"";
    let finished = finish(settings, &[], &TRADES);
    assert_eq!(finished.filtered, 1);
    assert!(finished.tables[0].adds_columns);
    let block = block(finished);
    assert_eq!(block.origin, [0, 2]);
    let ColumnValues::Double(notional) = column(&block, "notional") else { panic!() };
    assert_eq!(notional, &Float64Array::from(vec![3.0, 0.0]));
    let ColumnValues::Double(twice) = column(&block, "twice") else { panic!() };
    assert_eq!(twice, &Float64Array::from(vec![6.0, 0.0]));
}

#[test]
fn without_a_row_that_is_left_there_is_no_block() {
    let finished = finish("filter = \"price > 100\"", &[], &TRADES);
    assert_eq!((finished.tables.len(), finished.errors.len(), finished.filtered), (0, 0, 3));
}

/// By the rules of fields: the table's type counts, and for a new column the topic's settings.
#[test]
fn a_computed_column_is_of_the_tables_type() {
    let table = [
        ("at", "TIMESTAMP"),
        ("D", "DOUBLE"),
        ("s", "SYMBOL"),
        ("b", "BYTE"),
        ("u", "UUID"),
        ("t", "TIMESTAMP_NS"),
        ("text", "VARCHAR"),
        ("money", "DECIMAL(10,2)"),
        ("flag", "BOOLEAN"),
    ];
    let settings = r#"
        symbols = ["new"]
        doubles = ["newd"]
        [topics.t.columns]
        d = "qty"
        s = "qty * 2"
        b = "price * 2.0"
        u = "lower('A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11')"
        t = "at + interval '1 second'"
        text = "qty"
        money = "cast(price as decimal(10, 1)) / 2"
        flag = "price > 0"
        new = "'x' || qty"
        newd = "qty"
    "#;
    let finished = finish(settings, &table, &TRADES[..2]);
    let block = block(finished);
    let ColumnValues::Double(d) = column(&block, "D") else { panic!() };
    assert_eq!(d, &Float64Array::from(vec![2.0, 3.0]));
    let ColumnValues::Symbol(s) = column(&block, "s") else { panic!() };
    assert_eq!(s.values().as_string::<i32>().value(1), "6");
    let ColumnValues::Long(b) = column(&block, "b") else { panic!() };
    assert_eq!(b, &Int64Array::from(vec![3, -2]));
    let ColumnValues::Literal(Literal::Uuid, u) = column(&block, "u") else { panic!() };
    assert_eq!(u.value(0), "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
    let ColumnValues::TimestampNanos(t) = column(&block, "t") else { panic!() };
    assert_eq!(t, &Int64Array::from(vec![2_000_000_000; 2]));
    let ColumnValues::Varchar(text) = column(&block, "text") else { panic!() };
    assert_eq!(text, &StringArray::from(vec!["2", "3"]));
    let ColumnValues::Literal(Literal::Decimal { .. }, money) = column(&block, "money") else { panic!() };
    assert_eq!(money.value(0).trim_end_matches('0'), "0.75");
    let ColumnValues::Boolean(flag) = column(&block, "flag") else { panic!() };
    assert_eq!(flag, &BooleanArray::from(vec![true, false]));
    assert!(matches!(column(&block, "new"), ColumnValues::Symbol(_)));
    assert!(matches!(column(&block, "newd"), ColumnValues::Double(_)));
}

#[test]
fn what_a_column_does_not_take_is_a_bad_record() {
    let table = [("timestamp", "TIMESTAMP"), ("b", "BYTE"), ("n", "LONG")];
    let finished = finish("columns = { b = \"qty * 100\", n = \"10 / qty\" }", &table, &TRADES);
    let shown: Vec<_> =
        finished.errors.iter().map(|error| (error.record, error.column.as_deref().unwrap())).collect();
    assert_eq!(shown, [(0, "b"), (1, "b"), (2, "n")]);
    assert!(
        finished.errors[1].message.starts_with("column b, computed as `qty * 100`: column b is BYTE"),
        "{}",
        finished.errors[1].message
    );
    assert_eq!(finished.errors[2].message, "column n, computed as `10 / qty`: Divide by zero error");
    assert!(finished.tables.is_empty());
    // The neighbours stay.
    let finished = finish("columns = { n = \"10 / qty\" }", &table, &TRADES);
    assert_eq!((finished.errors.len(), &*finished.tables[0].block.origin), (1, &[0, 1][..]));
}

/// What the filter drops need not have values.
#[test]
fn a_filter_spares_rows_from_being_computed() {
    let finished = finish("columns = { n = \"10 / qty\" }\nfilter = \"qty <> 0\"", &[], &TRADES);
    assert_eq!((finished.filtered, block(finished).origin.as_slice()), (1, &[0, 1][..]));
    let finished = finish("columns = { n = \"10 / qty\" }\nfilter = \"qty <> 0 and n > 4\"", &[], &TRADES);
    // The second is filtered, the third is bad: it may be what it lacks that keeps it out.
    assert_eq!((finished.filtered, finished.errors.len()), (1, 1));
    assert_eq!(finished.tables[0].block.origin, [0]);
}

/// A record is written as a whole or not at all, also where its rows go to several tables.
#[test]
fn a_bad_row_takes_its_record_with_it() {
    let settings = "format = \"json\"\ntop_level_array = \"rows\"\ntable = \"t_${value.to}\"\n\
                    columns = { n = \"10 / qty\" }\nfilter = \"qty < 9\"";
    let records = [
        r#"[{"to":"a","qty":1},{"to":"b","qty":0}]"#,
        r#"[{"to":"a","qty":2},{"to":"b","qty":5},{"to":"b","qty":9}]"#,
    ];
    let finished = finish(settings, &[], &records);
    let rows: Vec<_> =
        finished.tables.iter().map(|rows| (rows.block.table.as_str(), &*rows.block.origin)).collect();
    assert_eq!(rows, [("t_a", &[1][..]), ("t_b", &[1][..])]);
    assert_eq!((finished.errors.len(), finished.errors[0].record, finished.filtered), (1, 0, 1));
}

#[test]
fn a_column_may_be_replaced_by_nothing() {
    let finished = finish("columns = { price = \"nullif(price, -1)\", qty = \"null\" }", &[], &TRADES);
    let errors: Vec<_> = finished.errors.iter().map(|error| error.record).collect();
    assert_eq!(errors, [1]);
    assert!(finished.errors[0].message.contains("no value for any column"), "{:?}", finished.errors);
    let [rows]: [_; 1] = finished.tables.try_into().unwrap();
    let names: Vec<_> = rows.block.columns.iter().map(|column| &*column.name).collect();
    assert_eq!(names, ["side", "price"]);
    // Nothing at all is left.
    let finished = finish("columns = { price = \"null\" }", &[], &[r#"{"price":1}"#]);
    assert_eq!((finished.errors.len(), finished.tables.len()), (1, 0));
}

#[test]
fn the_designated_timestamp_is_seen_and_not_computed() {
    let pipeline = Pipeline::new("t", &config("columns = { At = \"1\" }")).unwrap();
    let error = pipeline.plan(&TableName::new("t"), &schema(&[("at", "TIMESTAMP")])).unwrap_err();
    assert!(error.to_string().contains("columns.At: that is the designated timestamp of table t"), "{error}");
    let finished = finish("columns = { s = \"extract(second from timestamp)\" }", &[], &TRADES);
    let block = block(finished);
    let ColumnValues::Long(seconds) = column(&block, "s") else { panic!() };
    assert_eq!(seconds.value(0), 1);
}

#[test]
fn a_wrong_expression_makes_no_pipeline() {
    for (settings, words) in [
        ("filter = \"price >\"", "topic \"t\": filter: `price >`: "),
        ("filter = \"price\"\ncolumns = { n = \"nope(price)\" }", "topic \"t\": columns.n: `nope(price)`: "),
    ] {
        let error = Pipeline::new("t", &config(settings)).unwrap_err().to_string();
        assert!(error.starts_with(words), "{error}");
    }
}
