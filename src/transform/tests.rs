//! Each transform by the examples of its documentation, and by what QuestDB's Kafka connector was seen to do.

use super::*;
use crate::decode::{Timestamp, json};

/// Transforms as they stand in a configuration file: a TOML array's elements.
fn transforms(toml: &str) -> Result<Transforms, String> {
    let table: toml::Table = format!("transforms = [{toml}]").parse().unwrap();
    let config: Vec<Transform> = table["transforms"].clone().try_into().unwrap();
    Transforms::new(&config).map_err(|error| error.to_string())
}

fn value(json: &str) -> Value {
    json::tree(json.as_bytes()).unwrap()
}

fn message(json: &str) -> Message {
    Message {
        topic: "orders".to_owned(),
        partition: 3,
        offset: 42,
        timestamp_ms: 1_600_000_000_123,
        key: Value::Text("k".to_owned()),
        value: value(json),
        key_has_schema: false,
        value_has_schema: false,
        headers: vec![("trace".to_owned(), Value::Text("t1".to_owned()))],
        table: None,
        designated: None,
    }
}

fn run_on(toml: &str, mut message: Message) -> Result<Option<Message>, String> {
    let transforms = transforms(toml).unwrap_or_else(|error| panic!("{toml}: {error}"));
    match transforms.apply(&mut message) {
        Ok(Flow::Keep) => Ok(Some(message)),
        Ok(Flow::Drop) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

fn run(toml: &str, json: &str) -> Message {
    run_on(toml, message(json)).unwrap_or_else(|error| panic!("{toml}: {error}")).expect("it is kept")
}

fn shown(value: &Value) -> String {
    let mut json = String::new();
    value.write_json(&mut json);
    json
}

/// The value's JSON after the transforms.
fn json_of(toml: &str, json: &str) -> String {
    shown(&run(toml, json).value)
}

fn error(toml: &str, json: &str) -> String {
    run_on(toml, message(json)).unwrap_err()
}

fn with_schema(json: &str) -> Message {
    Message { value_has_schema: true, ..message(json) }
}

/// What is known of a field, with its type.
fn field(message: &Message, name: &str) -> Value {
    let Value::Object(object) = &message.value else { panic!("{message:?}") };
    object.field(name).unwrap_or_else(|| panic!("no {name}")).clone()
}

#[test]
fn extract_field() {
    let extract = r#"{ type = "ExtractField", field = "a" }"#;
    assert_eq!(json_of(extract, r#"{"a":{"b":1},"c":2}"#), r#"{"b":1}"#);
    assert_eq!(json_of(extract, r#"{"a":5}"#), "5");
    assert_eq!(json_of(extract, r#"{"c":5}"#), "null");
    assert_eq!(json_of(extract, "null"), "null");
    assert!(error(extract, "5").contains("it needs an object, and the record's value is an integer"));
    assert!(run_on(extract, with_schema(r#"{"c":1}"#)).unwrap_err().contains("there is no field `a`"));
    let nested = r#"{ type = "ExtractField", field = "a.`b.c`", field.syntax.version = "V2" }"#
        .replace("field.syntax.version", "\"field.syntax.version\"");
    assert_eq!(json_of(&nested, r#"{"a":{"b.c":7}}"#), "7");
    let mut keyed = message("{}");
    keyed.key = value(r#"{"sym":"btc"}"#);
    let keyed = run_on(r#"{ type = "ExtractField", of = "key", field = "sym" }"#, keyed).unwrap().unwrap();
    assert_eq!(keyed.key, Value::Text("btc".to_owned()));
}

#[test]
fn hoist_field() {
    let hoist = r#"{ type = "HoistField", field = "w" }"#;
    assert_eq!(json_of(hoist, "\"line\""), r#"{"w":"line"}"#);
    assert_eq!(json_of(hoist, r#"{"a":1}"#), r#"{"w":{"a":1}}"#);
    assert_eq!(json_of(hoist, "null"), r#"{"w":null}"#);
}

#[test]
fn flatten() {
    let flatten = r#"{ type = "Flatten", delimiter = "_" }"#;
    assert_eq!(
        json_of(flatten, r#"{"a":{"b":{"c":1,"d":null},"e":[{"x":1}]},"f":2,"g":{}}"#),
        r#"{"a_b_c":1,"a_b_d":null,"a_e":[{"x":1}],"f":2}"#
    );
    assert_eq!(json_of(r#"{ type = "Flatten" }"#, r#"{"a":{"b":1}}"#), r#"{"a.b":1}"#);
    assert_eq!(json_of(flatten, "null"), "null");
    assert_eq!(json_of(flatten, r#"{"a_b":1,"a":{"b":2}}"#), r#"{"a_b":2}"#);
    assert!(error(flatten, "[1]").contains("an array"));
}

#[test]
fn flattened_names_are_bounded() {
    let inner: Vec<_> = (0..1_000).map(|n| format!("\"f{n}\":1")).collect();
    let json = format!("{{\"{}\":{{{}}}}}", "x".repeat(100_000), inner.join(","));
    assert!(error(r#"{ type = "Flatten" }"#, &json).contains("is a name made of data?"));
}

#[test]
fn replace_field() {
    let replace = r#"{ type = "ReplaceField", exclude = "secret, tmp", renames = "a:alpha,b:beta" }"#;
    let json = r#"{"id":1,"a":2,"b":3,"secret":"x","tmp":1}"#;
    assert_eq!(json_of(replace, json), r#"{"id":1,"alpha":2,"beta":3}"#);
    assert_eq!(json_of(replace, "null"), "null");
    let as_toml = r#"{ type = "ReplaceField", include = ["a", "b"], renames = { a = "alpha" } }"#;
    assert_eq!(json_of(as_toml, json), r#"{"alpha":2,"b":3}"#);
    // What is left out is looked for by the old name.
    assert_eq!(
        json_of(r#"{ type = "ReplaceField", exclude = "alpha", renames = "a:alpha" }"#, json),
        json.replace("\"a\"", "\"alpha\"")
    );
    assert!(transforms(r#"{ type = "ReplaceField", renames = "a:b:c" }"#).unwrap_err().contains("no pair"));
    assert!(transforms(r#"{ type = "ReplaceField", renames = "a" }"#).unwrap_err().contains("no pair"));
}

#[test]
fn insert_field() {
    let insert = r#"{ type = "InsertField", topic.field = "tp", partition.field = "pt", offset.field = "of!",
        timestamp.field = "ts?", static.field = "src", static.value = "kafka" }"#
        .replace('\n', " ");
    assert_eq!(
        json_of(&insert, r#"{"id":1}"#),
        r#"{"id":1,"tp":"orders","pt":3,"of":42,"ts":1600000000123,"src":"kafka"}"#
    );
    assert!(transforms(&insert).unwrap().need_offsets());
    assert_eq!(json_of(&insert, "null"), "null");
    assert!(error(&insert, "5").contains("it needs an object"));
    let inserted = run_on(&insert, with_schema("{}")).unwrap().unwrap();
    assert_eq!(field(&inserted, "ts"), Value::Timestamp(Timestamp::Millis(1_600_000_000_123)));
    assert!(transforms(r#"{ type = "InsertField" }"#).unwrap_err().contains("it inserts nothing"));
    let error = transforms(r#"{ type = "InsertField", static.field = "a" }"#).unwrap_err();
    assert!(error.contains("needs `static.value`"), "{error}");
}

#[test]
fn timestamp_converter() {
    let convert = |options: &str| format!(r#"{{ type = "TimestampConverter", field = "t", {options} }}"#);
    let of = |options: &str, json: &str| field(&run(&convert(options), json), "t");
    let millis = |millis| Value::Timestamp(Timestamp::Millis(millis));
    let unix = r#"{"t":1600000000123}"#;
    assert_eq!(of("target.type = \"Timestamp\"", unix), millis(1_600_000_000_123));
    assert_eq!(of("target.type = \"Date\"", unix), millis(1_599_955_200_000));
    assert_eq!(of("target.type = \"Time\"", unix), millis(44_800_123));
    assert_eq!(of("target.type = \"Timestamp\"", r#"{"t":null}"#), Value::Null);
    let text = "target.type = \"string\", format = \"yyyy-MM-dd HH:mm:ss\"";
    assert_eq!(of(text, unix), Value::Text("2020-09-13 12:26:40".to_owned()));
    let to_unix =
        "target.type = \"unix\", unix.precision = \"microseconds\", format = \"yyyy-MM-dd HH:mm:ss\"";
    assert_eq!(of(to_unix, r#"{"t":"2020-01-02 03:04:05"}"#), Value::Integer(1_577_934_245_000_000));
    assert_eq!(of(to_unix, r#"{"t":1577934245000001}"#), Value::Integer(1_577_934_245_000_000));
    let date = convert("target.type = \"Timestamp\", format = \"yyyy-MM-dd\"");
    let wrong = error(&date, r#"{"t":"nope"}"#);
    assert!(
        wrong.contains("`TimestampConverter` of the value: field `t`: \"nope\" is not written as yyyy-MM-dd"),
        "{wrong}"
    );
    assert_eq!(json_of(&date, r#"{"id":3}"#), r#"{"id":3}"#);
    assert!(error(&date, r#"{"t":1.5}"#).contains("1.5 is no time"));
    let timed = run_on(&convert("target.type = \"Time\""), with_schema(unix)).unwrap().unwrap();
    assert_eq!(field(&timed, "t"), Value::Integer(44_800_123));
    let whole =
        run(r#"{ type = "TimestampConverter", target.type = "Timestamp", unix.precision = "seconds" }"#, "5");
    assert_eq!(whole.value, millis(5_000));
    for (options, says) in [
        ("", "needs `target.type`"),
        ("target.type = \"date\"", "one of string, unix, Date"),
        ("target.type = \"string\"", "needs `format`"),
        ("target.type = \"Timestamp\", format = \"yyyy-bb\"", "`b` means nothing"),
        ("target.type = \"Timestamp\", format = \"YYYY-MM-dd\"", "the year is `y`"),
        ("target.type = \"unix\", unix.precision = \"weeks\"", "one of milliseconds"),
    ] {
        let error = transforms(&convert(options).replace(", }", " }")).unwrap_err();
        assert!(error.contains(says), "{options}: {error}");
    }
}

#[test]
fn regex_router() {
    let routed = |regex: &str, replacement: &str| {
        let toml = format!("{{ type = \"RegexRouter\", regex = '{regex}', replacement = '{replacement}' }}");
        run(&toml, "{}").topic
    };
    assert_eq!(routed("(.*)ders", "$1_x"), "or_x");
    assert_eq!(routed("(?<first>.)(.*)", "${first}-$2"), "o-rders");
    assert_eq!(routed("o(.)(.*)", "$2$12"), "dersr2");
    assert_eq!(routed("orders", r"\$5"), "$5");
    // The whole has to match, and the first match is replaced.
    assert_eq!(routed("order", "x"), "orders");
    assert_eq!(routed("o.*?", "x"), "xrders");
    assert_eq!(routed("(?!other)(.*)", "all"), "all");
    for (regex, replacement, says) in [
        ("(", "x", "`regex`"),
        ("a", "$1", "no group 1"),
        ("a", "${b}", "no group `b`"),
        ("a", "$", "a `$`"),
        ("a", "\\", "backslash"),
    ] {
        let toml = format!("{{ type = \"RegexRouter\", regex = '{regex}', replacement = '{replacement}' }}");
        let error = transforms(&toml).unwrap_err();
        assert!(error.contains(says), "{regex} {replacement}: {error}");
    }
}

#[test]
fn timestamp_router() {
    assert_eq!(run(r#"{ type = "TimestampRouter" }"#, "{}").topic, "orders-20200913");
    let own = r#"{ type = "TimestampRouter", topic.format = "${topic}_${timestamp}", timestamp.format = "yyyyMM" }"#;
    assert_eq!(run(own, "{}").topic, "orders_202009");
}

#[test]
fn filter_and_predicates() {
    let kept = |predicate: &str, json: &str| {
        let toml = format!("{{ type = \"Filter\", predicate = {{ {predicate} }} }}");
        run_on(&toml, message(json)).unwrap().is_some()
    };
    assert!(!kept("type = \"RecordIsTombstone\"", "null"));
    assert!(kept("type = \"RecordIsTombstone\"", "{}"));
    assert!(!kept("type = \"HasHeaderKey\", name = \"trace\"", "{}"));
    assert!(kept("type = \"HasHeaderKey\", name = \"drop\"", "{}"));
    assert!(!kept("type = \"TopicNameMatches\", pattern = \"ord.*\"", "{}"));
    assert!(kept("type = \"TopicNameMatches\", pattern = \"ord\"", "{}"));
    let negated =
        r#"{ type = "Filter", predicate = { type = "HasHeaderKey", name = "keep" }, negate = true }"#;
    assert_eq!(run_on(negated, message("{}")), Ok(None));
    assert_eq!(run_on(r#"{ type = "Filter" }"#, message("{}")), Ok(None));
    for (toml, says) in [
        (r#"{ type = "Filter", negate = true }"#, "is for a `predicate`"),
        (r#"{ type = "Filter", predicate = { type = "HasHeader" } }"#, "did you mean `HasHeaderKey`?"),
        (r#"{ type = "Filter", predicate = { type = "HasHeaderKey" } }"#, "it needs `name`"),
        (r#"{ type = "Filter", predicate = { type = "TopicNameMatches", pattern = "(" } }"#, "`pattern`"),
        (r#"{ type = "Filter", predicate = { type = "RecordIsTombstone", x = 1 } }"#, "no option `x`"),
        (r#"{ type = "Filter", of = "value" }"#, "`of` makes no sense"),
    ] {
        let error = transforms(toml).unwrap_err();
        assert!(error.contains(says), "{toml}: {error}");
    }
}

#[test]
fn a_predicate_is_for_one_transform() {
    let toml = r#"{ type = "HoistField", field = "a", predicate = { type = "HasHeaderKey", name = "no" } },
        { type = "HoistField", field = "b" }"#;
    assert_eq!(json_of(toml, "1"), r#"{"b":1}"#);
}

#[test]
fn value_to_key() {
    let toml = r#"{ type = "ValueToKey", fields = "id,sym" }"#;
    assert_eq!(shown(&run(toml, r#"{"id":1,"x":2}"#).key), r#"{"id":1,"sym":null}"#);
    assert!(run_on(toml, with_schema(r#"{"id":1}"#)).unwrap_err().contains("there is no field `sym`"));
    assert!(error(toml, "null").contains("the record's value is null"));
    let chain = format!("{toml}, {{ type = \"ExtractField\", of = \"key\", field = \"id\" }}");
    assert_eq!(run(&chain, r#"{"id":7}"#).key, Value::Integer(7));
}

#[test]
fn mask_field() {
    let mask = r#"{ type = "MaskField", fields = "s,i,d,b,a,o,n" }"#;
    let json = r#"{"id":1,"s":"x","i":5,"d":1.5,"b":true,"a":[1],"o":{"x":1},"n":null}"#;
    assert_eq!(json_of(mask, json), r#"{"id":1,"s":"","i":0,"d":0.0,"b":false,"a":[],"o":{},"n":null}"#);
    assert!(run_on(mask, with_schema(json)).unwrap_err().contains("field `o`: an object cannot be masked"));
    let replace = r#"{ type = "MaskField", fields = ["s", "i", "d"], replacement = "7" }"#;
    assert_eq!(json_of(replace, json).split(",\"b\"").next(), Some(r#"{"id":1,"s":"7","i":7,"d":7.0"#));
    let stars = r#"{ type = "MaskField", fields = "i", replacement = "***" }"#;
    assert!(error(stars, json).contains("field `i`: the replacement `***` is not an integer"));
    assert!(error(mask, "null").contains("it needs an object"));
}

#[test]
fn cast() {
    let cast = r#"{ type = "Cast", spec = "a:int32,b:string,c:float64,d:boolean,e:int64" }"#;
    for (json, expected) in [
        (
            r#"{"a":"5","b":1.5,"c":"2.5","d":"true","e":"300"}"#,
            r#"{"a":5,"b":"1.5","c":2.5,"d":true,"e":300}"#,
        ),
        (r#"{"a":1.9,"b":true,"c":3,"d":0,"e":-1.9}"#, r#"{"a":1,"b":"true","c":3.0,"d":false,"e":-1}"#),
        (
            r#"{"a":true,"b":1e10,"c":true,"d":5,"e":null}"#,
            r#"{"a":1,"b":"1.0E10","c":1.0,"d":true,"e":null}"#,
        ),
        (r#"{"a":-2147483648,"e":1e18,"d":0.5}"#, r#"{"a":-2147483648,"e":1000000000000000000,"d":false}"#),
        (r#"{"x":1}"#, r#"{"x":1}"#),
    ] {
        assert_eq!(json_of(cast, json), expected);
    }
    for json in [
        r#"{"a":"x"}"#,
        r#"{"a":"3000000000"}"#,
        r#"{"a":[1]}"#,
        r#"{"b":{}}"#,
        r#"{"a":"1.5"}"#,
        r#"{"a":4294967297}"#,
        r#"{"a":-2147483649}"#,
        r#"{"e":1e300}"#,
        r#"{"e":9223372036854775808.0}"#,
    ] {
        assert!(error(cast, json).contains("cannot be made"), "{json}");
    }
    let wrong = error(cast, r#"{"a":"x"}"#);
    assert!(
        wrong.starts_with("transform 1, `Cast` of the value: field `a`: \"x\" cannot be made int32; "),
        "{wrong}"
    );
    let narrow = run_on(
        r#"{ type = "Cast", spec = { e = "int8", f = "float32", g = "int16" } }"#,
        with_schema(r#"{"e":-128,"f":0.1,"g":"7"}"#),
    );
    let narrow = narrow.unwrap().unwrap();
    assert_eq!(field(&narrow, "e"), Value::Integer(-128));
    assert_eq!(field(&narrow, "f"), Value::Float(0.1));
    assert_eq!(field(&narrow, "g"), Value::Integer(7));
    // Without a schema QuestDB's connector has no column for them; what comes after may cast them again.
    let cast = r#"{ type = "Cast", spec = "e:int8,f:float32,g:int32" }"#;
    let marked = run(cast, r#"{"e":5,"f":0.1,"g":6}"#);
    assert_eq!(field(&marked, "e"), Value::Narrow(Box::new(Value::Integer(5))));
    assert_eq!(field(&marked, "f"), Value::Narrow(Box::new(Value::Float(0.1))));
    assert_eq!(field(&marked, "g"), Value::Integer(6));
    let again = format!("{cast}, {{ type = \"Cast\", spec = \"e:int64,f:string\" }}");
    assert_eq!(json_of(&again, r#"{"e":5,"f":0.1}"#), r#"{"e":5,"f":"0.1"}"#);
    let masked = format!("{cast}, {{ type = \"MaskField\", fields = [\"e\"] }}");
    assert_eq!(field(&run(&masked, r#"{"e":5}"#), "e"), Value::Narrow(Box::new(Value::Integer(0))));
    assert!(
        error(r#"{ type = "Cast", spec = "e:int8" }"#, r#"{"e":300}"#).contains("300 cannot be made int8")
    );
    assert_eq!(run(r#"{ type = "Cast", spec = "int64" }"#, "\"42\"").value, Value::Integer(42));
    let times = r#"{ type = "TimestampConverter", field = "t", target.type = "Timestamp" }, { type = "Cast", spec = "t:string" }"#;
    assert_eq!(json_of(times, r#"{"t":1600000000123}"#), r#"{"t":"2020-09-13T12:26:40.123Z"}"#);
    for (spec, says) in [
        ("a:nonsense", "there is no type `nonsense`"),
        ("nonsense", "there is no type `nonsense`"),
        ("a:int8,string", "one type for the whole"),
        ("a:bytes", "there is no type `bytes`"),
        ("", "it needs `spec`"),
    ] {
        let error = transforms(&format!("{{ type = \"Cast\", spec = \"{spec}\" }}")).unwrap_err();
        assert!(error.contains(says), "{spec}: {error}");
    }
}

#[test]
fn headers() {
    let moved = r#"{ type = "HeaderFrom", fields = "a,b", headers = "ha,hb", operation = "move" },
        { type = "InsertHeader", header = "x", value.literal = "1" },
        { type = "InsertHeader", header = "y", value.literal = "{no json" },
        { type = "DropHeaders", headers = "trace" }"#;
    let message = run(moved, r#"{"id":1,"a":5}"#);
    assert_eq!(shown(&message.value), r#"{"id":1}"#);
    let headers: Vec<_> =
        message.headers.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    assert_eq!(
        headers,
        [
            ("ha", Value::Integer(5)),
            ("hb", Value::Null),
            ("x", Value::Integer(1)),
            ("y", Value::Text("{no json".to_owned()))
        ]
    );
    let copied =
        run(r#"{ type = "HeaderFrom", fields = "a", headers = "h", operation = "copy" }"#, r#"{"a":5}"#);
    assert_eq!(shown(&copied.value), r#"{"a":5}"#);
    for (toml, says) in [
        (
            r#"{ type = "HeaderFrom", fields = "a,b", headers = "h", operation = "copy" }"#,
            "2 names, and `headers` 1",
        ),
        (r#"{ type = "HeaderFrom", fields = "a", headers = "h" }"#, "needs `operation`"),
        (r#"{ type = "InsertHeader", header = "x" }"#, "needs `value.literal`"),
        (r#"{ type = "DropHeaders" }"#, "needs `headers`"),
    ] {
        let error = transforms(toml).unwrap_err();
        assert!(error.contains(says), "{toml}: {error}");
    }
}

const EVENT: &str = r#"{"before":{"id":1,"v":"old"},"after":{"id":1,"v":"new"},"source":{"table":"t","ts_ms":5},"op":"u","ts_ms":9}"#;
const DELETE: &str =
    r#"{"before":{"id":1,"v":"old"},"after":null,"source":{"table":"t","ts_ms":5},"op":"d","ts_ms":9}"#;

#[test]
fn extract_new_record_state() {
    let unwrap = |options: &str| format!("{{ type = \"ExtractNewRecordState\" {options} }}");
    assert_eq!(json_of(&unwrap(""), EVENT), r#"{"id":1,"v":"new"}"#);
    assert_eq!(run_on(&unwrap(""), message(DELETE)), Ok(None));
    assert_eq!(run_on(&unwrap(""), message("null")), Ok(None));
    // What is no event stays as it is.
    assert_eq!(json_of(&unwrap(""), r#"{"id":1}"#), r#"{"id":1}"#);
    let adds = unwrap(", add.fields = \"op,table,source.ts_ms,ts_ms:at\", add.headers = \"op\"");
    let added = run(&adds, EVENT);
    assert_eq!(
        shown(&added.value),
        r#"{"id":1,"v":"new","__op":"u","__table":"t","__source_ts_ms":5,"__at":9}"#
    );
    assert_eq!(added.headers.last(), Some(&("__op".to_owned(), Value::Text("u".to_owned()))));
    for rewrite in ["delete.handling.mode = \"rewrite\"", "delete.tombstone.handling.mode = \"rewrite\""] {
        let toml = unwrap(&format!(", {rewrite}, add.fields = \"op\", add.fields.prefix = \"m_\""));
        // A dotted key cannot be both a value and a table.
        let toml = toml
            .replace("add.fields.prefix", "\"add.fields.prefix\"")
            .replace("add.fields =", "\"add.fields\" =");
        assert_eq!(json_of(&toml, DELETE), r#"{"id":1,"v":"old","m_op":"d","__deleted":"true"}"#);
        assert_eq!(json_of(&toml, EVENT), r#"{"id":1,"v":"new","m_op":"u","__deleted":"false"}"#);
    }
    assert_eq!(json_of(&unwrap(", delete.handling.mode = \"none\""), DELETE), "null");
    assert_eq!(run_on(&unwrap(""), message(r#"{"source":{},"op":"t"}"#)), Ok(None));
    assert_eq!(run(&unwrap(", route.by.field = \"v\""), EVENT).topic, "new");
    assert!(error(&unwrap(", route.by.field = \"w\""), EVENT).contains("field `w`"));
}

#[test]
fn order_book_to_array() {
    let book = r#"{ type = "OrderBookToArray", mappings = "buy:bids:px,size; sell:asks:px" }"#;
    let json = r#"{"sym":"A","buy":[{"px":10.0,"size":1},{"px":"5.1","size":92}],"sell":[]}"#;
    assert_eq!(json_of(book, json), r#"{"sym":"A","bids":[[10.0,5.1],[1.0,92.0]]}"#);
    assert_eq!(json_of(book, "null"), "null");
    // What is there already stays where there is nothing to put in its place, but not where a schema is made anew.
    assert_eq!(json_of(book, r#"{"bids":[[1.5]]}"#), r#"{"bids":[[1.5]]}"#);
    let replaced = run_on(book, with_schema(r#"{"bids":[[1.5]],"id":1}"#)).unwrap().unwrap();
    assert_eq!(shown(&replaced.value), r#"{"id":1}"#);
    for (json, says) in [
        (r#"{"buy":[{"px":1.5,"size":null}]}"#, "field `buy`, element 0: `size` is null"),
        (r#"{"buy":[{"px":1.5}]}"#, "`size` is null"),
        (r#"{"buy":[{"px":"x","size":1}]}"#, "`px` is \"x\""),
        (r#"{"buy":[{"px":true,"size":1}]}"#, "`px` is true"),
        (r#"{"buy":[5]}"#, "has an integer in it"),
        (r#"{"buy":"str"}"#, "is a string, where an array"),
        ("[1.5]", "it needs an object"),
    ] {
        assert!(error(book, json).contains(says), "{json}: {}", error(book, json));
    }
    for mappings in ["", "a:b", "a:b:c:d", "::"] {
        assert!(
            transforms(&format!("{{ type = \"OrderBookToArray\", mappings = \"{mappings}\" }}")).is_err()
        );
    }
}

#[test]
fn struct_array_explode() {
    let explode = r#"{ type = "StructArrayExplode", mappings = "buy:bid_px,bid_sz:px,size" }"#;
    let json = r#"{"sym":"A","bid_px":"old","buy":[{"px":10.0,"size":1},{"px":5.1,"size":"92"}]}"#;
    assert_eq!(json_of(explode, json), r#"{"sym":"A","bid_px":[10.0,5.1],"bid_sz":[1.0,92.0]}"#);
    assert_eq!(json_of(explode, r#"{"id":2,"bid_px":[9.5]}"#), r#"{"id":2}"#);
    assert_eq!(json_of(explode, r#"{"id":2,"buy":[]}"#), r#"{"id":2}"#);
    let same = r#"{ type = "StructArrayExplode", mappings = "px:px,sz:p,s" }"#;
    assert_eq!(json_of(same, r#"{"px":[{"p":1.5,"s":2}]}"#), r#"{"px":[1.5],"sz":[2.0]}"#);
    for (mappings, says) in [
        ("a:b,c:x", "2 columns for 1 fields"),
        ("a:b:x;c:b:x", "column `b` twice"),
        ("a:b:x;a:c:x", "`a` twice"),
        ("a:c:x;c:d:x", "another mapping's source"),
    ] {
        let error = transforms(&format!("{{ type = \"StructArrayExplode\", mappings = \"{mappings}\" }}"))
            .unwrap_err();
        assert!(error.contains(says), "{mappings}: {error}");
    }
}

#[test]
fn a_chain_of_transforms() {
    let chain = r#"{ type = "ExtractField", field = "payload" },
        { type = "OrderBookToArray", mappings = "bids:bids:price,amount" },
        { type = "SetSchemaMetadata", schema.name = "book" }"#;
    let json = r#"{"payload":{"market":"X","bids":[{"price":"45120.50","amount":"2.45"}]}}"#;
    assert_eq!(json_of(chain, json), r#"{"market":"X","bids":[[45120.5],[2.45]]}"#);
}

#[test]
fn what_is_not_known_is_told_with_the_nearest_name() {
    for (toml, says) in [
        (r#"{ type = "Flaten" }"#, "number 1, `Flaten`: there is no such transform; did you mean `Flatten`?"),
        (r#"{ type = "Zzz" }"#, "there are Cast, ExtractField"),
        (
            r#"{ type = "org.apache.kafka.connect.transforms.Flatten$Value" }"#,
            "write type = \"Flatten\", of = \"value\"",
        ),
        (
            r#"{ type = "Flatten", delimeter = "_" }"#,
            "there is no option `delimeter`; did you mean `delimiter`?",
        ),
        (r#"{ type = "Flatten", x = "_" }"#, "there is no option `x`; there are delimiter"),
        (r#"{ type = "ExtractField" }"#, "it needs `field`"),
        (
            r#"{ type = "ExtractField", field = ["a"] }"#,
            "`field` has a value of type array, where a text belongs",
        ),
        (r#"{ type = "Flatten" }, { type = "Filter", x = 1 }"#, "number 2, `Filter`: there is no option `x`"),
    ] {
        let error = transforms(toml).unwrap_err();
        assert!(error.contains(says), "{toml}: {error}");
    }
}
