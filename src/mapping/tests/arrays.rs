//! Arrays.

use super::*;

#[test]
fn numbers_in_up_to_three_dimensions() {
    let mut topic = Topic::new();
    topic.row(r#"{"a":[1.5,2.5],"b":[[1,2,3]],"c":[[[1.5,2.5]],[[3.5,4.5]]]}"#);
    topic.row(r#"{"a":[ 1 , -0.0 , 1e300 ],"b":[[1.5,2.5],[3.5,4.5]],"o":{"p":[7]}}"#);
    assert_eq!(
        topic.columns(),
        [
            "a ARRAY [2][1.5,2.5] [3][1.0,-0.0,1e300]",
            "b ARRAY [1,3][1.0,2.0,3.0] [2,2][1.5,2.5,3.5,4.5]",
            "c ARRAY [2,1,2][1.5,2.5,3.5,4.5] null",
            "o_p ARRAY null [1][7.0]",
        ]
    );
}

#[test]
fn arrays_of_something_else_are_text() {
    let mut topic = Topic::new();
    topic.row(r#"{"v":["a", "b\n"]}"#).row(r#"{"v":[{"a":1}, null]}"#).row(r#"{"v":[true]}"#);
    topic.row(r#"{"v":[[["a"]]]}"#).row(r#"{"v":[[[[1.5]]]]}"#).row(r#"{"v":[]}"#).row(r#"{"v":"text"}"#);
    assert_eq!(
        topic.columns(),
        [concat!(
            r#"v VARCHAR "[\"a\", \"b\\n\"]" "[{\"a\":1}, null]" "[true]" "#,
            r#""[[[\"a\"]]]" "[[[[1.5]]]]" "[]" "text""#
        )]
    );
}

#[test]
fn what_cannot_be_an_array_of_doubles() {
    let mut topic = Topic::new();
    for value in [
        "[1.5,null,2.5]",
        "[null,1.5]",
        "[null]",
        "[1.5,\"x\"]",
        "[\"x\",1.5]",
        "[1.5,true]",
        "[[1.5,\"x\"]]",
        "[[1.5],2.5]",
        "[1.5,[2.5]]",
        "[[1.5],null]",
        "[[[1.5]],[null]]",
        "[[1.5],[2.5,3.5]]",
        "[[]]",
        "[[],[]]",
        "[[[]]]",
        "[[1.5],[]]",
        "[[],[1.5]]",
        "[1.5,[]]",
        "[9223372036854775808]",
        "[1e400]",
        "[1,{}]",
        "[[[1],[2]],[[3]]]",
    ] {
        let error = topic.value(&format!(r#"{{"id":1,"v":{value}}}"#)).expect_err(value);
        assert_eq!(error.column.as_deref(), Some("v"));
        assert!(error.message.contains(value), "{}", error.message);
    }
    // Malformed in the middle of an array.
    for value in ["[1,]", "[1", "[1 2]", "[,1]"] {
        assert!(topic.refused(&format!(r#"{{"id":1,"v":{value}}}"#)).contains("not valid JSON"));
    }
    assert!(topic.block.finish().is_none());
}

#[test]
fn the_number_of_dimensions_stays() {
    let mut topic = Topic::new();
    topic.row(r#"{"id":1,"v":[1.5]}"#);
    topic.refused(r#"{"id":2,"v":[[1.5]]}"#);
    topic.refused(r#"{"id":3,"v":2.5}"#);
    topic.row(r#"{"id":4,"v":[3.5]}"#).row(r#"{"id":5}"#).row(r#"{"id":6,"v":[]}"#);
    assert_eq!(topic.columns(), ["id LONG 1 4 5 6", "v ARRAY [1][1.5] [1][3.5] null [0][]"]);
}

#[test]
fn an_empty_array_whose_type_nobody_knows_is_left_out() {
    let mut topic = Topic::new();
    topic.row(r#"{"id":1,"v":[]}"#).row(r#"{"id":2,"v":["a"]}"#);
    assert_eq!(topic.columns(), ["id LONG 1 2", r#"v VARCHAR null "[\"a\"]""#]);
    let mut topic = Topic::table(&[("ts", "TIMESTAMP"), ("v", "DOUBLE[][]"), ("w", "VARCHAR")]);
    topic.row(r#"{"v":[]}"#).row(r#"{"v":[[1]]}"#).row(r#"{"w":[]}"#);
    assert_eq!(topic.columns(), ["v ARRAY [0,0][] [1,1][1.0] null", r#"w VARCHAR null null "[]""#]);
}

#[test]
fn arrays_and_the_table() {
    let mut topic = Topic::table(&[
        ("ts", "TIMESTAMP"),
        ("a", "DOUBLE[]"),
        ("s", "STRING"),
        ("y", "SYMBOL"),
        ("d", "DOUBLE"),
        ("l", "LONG"),
    ]);
    topic.row(r#"{"a":[1]}"#).row(r#"{"s":[1, null,"x"]}"#).row(r#"{"y":["a"]}"#);
    for value in [
        r#"{"a":[[1]]}"#,
        r#"{"a":["x"]}"#,
        r#"{"a":1}"#,
        r#"{"a":"x"}"#,
        r#"{"d":[1]}"#,
        r#"{"l":[]}"#,
        r#"{"y":[1]}"#,
    ] {
        let message = topic.refused(value);
        assert!(message.contains("in table t"), "{message}");
    }
    assert_eq!(
        topic.columns(),
        [
            "a ARRAY [1][1.0] null null",
            r#"s VARCHAR null "[1, null,\"x\"]" null"#,
            r#"y SYMBOL null null ["a"]"#
        ]
    );
}
