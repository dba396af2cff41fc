//! Any record against a plain model: `serde_json`, a list of columns, and the rules in words.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// What a row's column holds, as [`show`] shows it.
type Fields = BTreeMap<String, String>;

fn flatten(prefix: &str, value: &Value, fields: &mut Fields) {
    let Value::Object(members) = value else { return };
    for (name, value) in members {
        let name = format!("{prefix}{name}");
        let shown = match value {
            Value::Null => continue,
            Value::Bool(value) => value.to_string(),
            Value::Number(number) if number.is_f64() => format!("{:?}", number.as_f64().unwrap()),
            Value::Number(number) => number.to_string(),
            Value::String(text) => format!("{text:?}"),
            Value::Array(_) => continue,
            Value::Object(_) => {
                flatten(&format!("{name}_"), value, fields);
                continue;
            }
        };
        fields.insert(name, shown);
    }
}

/// Objects whose fields keep their types by their names: i... are integers and so on.
fn object() -> impl Strategy<Value = String> {
    let field = |name: &'static str, value: BoxedStrategy<String>| {
        (name, prop_oneof![5 => value, 1 => Just("null".to_owned())]).prop_map(|(name, value)| (name, value))
    };
    let leaf = prop_oneof![
        field(
            "i[1-4]",
            any::<i64>().prop_filter("null", |i| *i != i64::MIN).prop_map(|i| i.to_string()).boxed()
        ),
        field("d[1-4]", any::<i32>().prop_map(|d| format!("{:?}", f64::from(d) / 4.0)).boxed()),
        field("b[1-4]", any::<bool>().prop_map(|b| b.to_string()).boxed()),
        field("s[1-4]", any::<String>().prop_map(|s| Value::String(s).to_string()).boxed()),
        field("x[1-4]", "\"(\\\\n|\\\\u00e9|[a-z ]){0,20}\"".boxed()),
    ];
    let members = |fields: Vec<(String, String)>| {
        let members: Vec<_> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", members.join(","))
    };
    let objects =
        prop::collection::vec(leaf.clone(), 0..6).prop_map(members).prop_recursive(3, 20, 5, move |inner| {
            let child = ("o[1-3]", inner).prop_map(|(name, value)| (name, value));
            prop::collection::vec(prop_oneof![3 => leaf.clone(), 1 => child], 0..8).prop_map(members)
        });
    objects.boxed()
}

/// The block's rows, each with the columns that have a value.
fn rows(block: &Block) -> Vec<Fields> {
    let mut rows = vec![Fields::new(); block.rows()];
    for column in &block.columns {
        for (row, fields) in rows.iter_mut().enumerate() {
            let shown = match &column.values {
                ColumnValues::Boolean(values) if values.is_valid(row) => values.value(row).to_string(),
                ColumnValues::Long(values) if values.is_valid(row) => values.value(row).to_string(),
                ColumnValues::Double(values) if values.is_valid(row) => format!("{:?}", values.value(row)),
                ColumnValues::Varchar(values) if values.is_valid(row) => format!("{:?}", values.value(row)),
                ColumnValues::Symbol(values) if values.is_valid(row) => {
                    let symbol = values.keys().value(row) as usize;
                    format!("{:?}", values.values().as_string::<i32>().value(symbol))
                }
                _ => continue,
            };
            fields.insert(column.name.to_string(), shown);
        }
    }
    rows
}

/// Something after which a record cannot become a row, appended as a last member.
const POISON: [&str; 6] = [
    r#""a*b":1"#,
    r#""i1":"text""#,
    r#""s3":true"#,
    r#""i2":-9223372036854775808"#,
    r#""z":[1,null]"#,
    r#""z":"#,
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn records_become_the_rows_that_the_model_says(
        records in prop::collection::vec((object(), prop::option::weighted(0.3, 0..POISON.len())), 1..20),
        as_symbols: bool,
    ) {
        let config = if as_symbols { symbols(&["s1", "s2", "x1", "o1_s1"]) } else { TopicConfig::default() };
        let mut topic = Topic::with(config, &[]);
        // Sets the types of the columns that poison contradicts.
        let first = r#"{"i1":0,"s3":""}"#;
        let mut expected = vec![Fields::from([("i1".to_owned(), "0".to_owned()), ("s3".to_owned(), "\"\"".to_owned())])];
        topic.row(first);
        for (record, poison) in &records {
            if let Some(poison) = poison {
                let comma = if record == "{}" { "" } else { "," };
                let poisoned = format!("{}{comma}{}}}", record.strip_suffix('}').unwrap(), POISON[*poison]);
                prop_assert!(topic.value(&poisoned).is_err(), "{}", poisoned);
            }
            let mut fields = Fields::new();
            flatten("", &serde_json::from_str(record).unwrap(), &mut fields);
            prop_assert_eq!(topic.value(record).is_ok(), !fields.is_empty(), "{}", record);
            if !fields.is_empty() {
                expected.push(fields);
            }
        }
        let estimate = topic.block.memory_bytes();
        let block = topic.block();
        prop_assert!(block.memory_bytes() <= estimate * 2 + 4_096, "{} but {}", block.memory_bytes(), estimate);
        prop_assert_eq!(rows(&block), expected);
    }

    #[test]
    fn no_bytes_make_it_panic(records in prop::collection::vec((any::<Option<Vec<u8>>>(), any::<Vec<u8>>()), 0..10)) {
        let mut topic = Topic::new();
        for (key, value) in &records {
            let _ = topic.record(key.as_deref(), Some(value));
        }
        let _ = topic.block.finish();
    }

    #[test]
    fn no_json_makes_it_panic(
        records in prop::collection::vec(
            "\\{(\"[ab.]{1,2}\":(-?[0-9]{1,20}(\\.[0-9])?|\"[a-c]?\"|true|null|\\[[0-9],?\\]|\\{\\}|\\{\"[ab]\":[0-9.]{1,3}\\}),?){0,5}\\}",
            0..30,
        ),
        as_key: bool,
    ) {
        let mut topic = Topic::with(symbols(&["a", "b_a"]), &[("ts", "TIMESTAMP"), ("b", "LONG")]);
        let mut rows = 0;
        for record in &records {
            let key = as_key.then_some(record.as_bytes());
            rows += usize::from(topic.record(key, Some(record.as_bytes())) == Ok(Appended::Row));
        }
        if rows > 0 {
            prop_assert_eq!(topic.block().rows(), rows);
        }
    }
}
