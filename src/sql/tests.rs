use arrow_array::cast::AsArray;
use arrow_array::{Array, DictionaryArray, Float64Array, Int64Array, StringArray};

use super::*;
use crate::rows::{Column, ColumnValues, Literal, TableName, TimeUnit, Timestamps};

fn block() -> Block {
    let column = |name: &str, values| Column { name: name.into(), values };
    let strings = |texts: Vec<Option<&str>>| StringArray::from(texts);
    let decimal = Literal::Decimal { precision: 10, scale: 2 };
    Block {
        table: TableName::new("t"),
        timestamp: Timestamps {
            name: Arc::from("timestamp"),
            unit: TimeUnit::Micros,
            values: vec![0, 1_000_000, 2_000_000].into(),
        },
        columns: vec![
            column("Price", ColumnValues::Double(Float64Array::from(vec![Some(1.5), None, Some(-2.0)]))),
            column("qty", ColumnValues::Long(Int64Array::from(vec![2, 3, 4]))),
            column("side", ColumnValues::Varchar(strings(vec![Some("buy"), Some("sell"), None]))),
            column("venue", ColumnValues::Symbol(DictionaryArray::from_iter(["X", "Y", "X"]))),
            column("at", ColumnValues::TimestampNanos(Int64Array::from(vec![Some(5), None, Some(7)]))),
            column("fee", ColumnValues::Literal(decimal, strings(vec![Some("1.25"), None, Some("-3.00")]))),
            column("big", ColumnValues::Long(Int64Array::from(vec![i64::MAX, 1, 2]))),
        ],
        origin: vec![5, 6, 7],
    }
}

fn expressions(filter: &str, columns: &[(&str, &str)]) -> Result<Expressions, SqlError> {
    let columns: BTreeMap<String, String> =
        columns.iter().map(|(name, sql)| ((*name).to_owned(), (*sql).to_owned())).collect();
    Expressions::new(filter, &columns).map(Option::unwrap)
}

fn no_table(_: &str) -> Option<Target> {
    None
}

fn keep(filter: &str) -> Kept {
    expressions(filter, &[]).unwrap().keep(&block(), &no_table).unwrap()
}

/// The rows that a filter keeps.
fn kept(filter: &str) -> Vec<usize> {
    let Kept { rows, faults } = keep(filter);
    assert_eq!(faults, [], "{filter}");
    rows.set_indices().collect()
}

fn computed(sql: &str) -> Computed {
    expressions("", &[("x", sql)]).unwrap().compute(0, &block(), &no_table)
}

fn values(sql: &str) -> ColumnValues {
    let Computed { values, faults } = computed(sql);
    assert_eq!(faults, [], "{sql}");
    values.unwrap()
}

fn faults(sql: &str) -> Vec<(usize, String)> {
    computed(sql).faults.into_iter().map(|Fault { row, reason }| (row, reason)).collect()
}

#[test]
fn a_filter_keeps_rows_for_which_it_holds() {
    assert_eq!(kept("price > 0"), [0]);
    assert_eq!(kept("PRICE > 0 or side = 'sell'"), [0, 1]);
    assert_eq!(kept("qty % 2 = 0 and side is null"), [2]);
    assert_eq!(kept("upper(side) in ('BUY', 'SELL')"), [0, 1]);
    assert_eq!(kept("timestamp >= '1970-01-01T00:00:01'"), [1, 2]);
    assert_eq!(kept("venue = 'X' and side like 'b%'"), [0]);
    assert_eq!(kept("at > to_timestamp('1970-01-01')"), [0, 2]);
    assert_eq!(kept("fee > 0"), [0]);
    assert_eq!(kept("\"Price\" < 0"), [2]);
    assert_eq!(kept("side ~ '^s' or qty between 4 and 9"), [1, 2]);
    assert_eq!(kept("extract(second from timestamp) = 2"), [2]);
    // As in SQL, what is null is neither so nor otherwise.
    assert_eq!(kept("price = price"), [0, 2]);
    assert!(kept("null").is_empty());
    assert!(kept("price > 100").is_empty());
}

#[test]
fn a_column_that_no_row_has_is_null_of_the_tables_type() {
    assert_eq!(kept("nothing is null"), [0, 1, 2]);
    assert!(kept("nothing = 'X'").is_empty());
    assert_eq!(kept("coalesce(nothing, 1) * qty > 2"), [1, 2]);
    assert_eq!(kept("not coalesce(nothing, false)"), [0, 1, 2]);
    assert_eq!(kept("upper(one) is null and abs(two) is null"), [0, 1, 2]);
    let half = expressions("", &[("x", "coalesce(nothing, 1) / 2")]).unwrap();
    let ColumnValues::Long(integers) = half.compute(0, &block(), &no_table).values.unwrap() else { panic!() };
    assert_eq!(integers.value(0), 0);
    let double = |name: &str| (name == "nothing").then_some(Target::Double);
    let ColumnValues::Double(doubles) = half.compute(0, &block(), &double).values.unwrap() else { panic!() };
    assert_eq!(doubles.value(0), 0.5);
}

#[test]
fn values_are_of_types_that_columns_have() {
    let ColumnValues::Double(doubles) = values("price * qty") else { panic!() };
    assert_eq!(doubles, Float64Array::from(vec![Some(3.0), None, Some(-8.0)]));
    let ColumnValues::Long(longs) = values("qty / 2") else { panic!() };
    assert_eq!(longs, Int64Array::from(vec![1, 1, 2]));
    let ColumnValues::Varchar(texts) = values("side || '-' || venue") else { panic!() };
    assert_eq!(texts, StringArray::from(vec![Some("buy-X"), Some("sell-Y"), None]));
    let ColumnValues::Symbol(symbols) = values("venue") else { panic!() };
    assert_eq!(symbols.values().as_string::<i32>().value(0), "X");
    let ColumnValues::Boolean(booleans) = values("price > 0") else { panic!() };
    assert_eq!((booleans.value(0), booleans.is_null(1), booleans.value(2)), (true, true, false));
    let ColumnValues::Timestamp(times) = values("date_trunc('minute', timestamp)") else { panic!() };
    assert_eq!(times, Int64Array::from(vec![0, 0, 0]));
    let ColumnValues::TimestampNanos(times) = values("at") else { panic!() };
    assert_eq!(times, Int64Array::from(vec![Some(5), None, Some(7)]));
    let ColumnValues::Timestamp(days) = values("cast(timestamp as date) + interval '1 day'") else {
        panic!()
    };
    assert_eq!(days.value(0), 86_400_000_000);
    let ColumnValues::Literal(Literal::Decimal { .. }, decimals) = values("fee * 2") else { panic!() };
    assert_eq!(decimals, StringArray::from(vec![Some("2.50"), None, Some("-6.00")]));
    assert!(computed("nothing").values.is_none());
    assert!(computed("price + nothing").values.is_none());
}

#[test]
fn what_has_no_value_is_told_by_row() {
    assert_eq!(faults("10 / (qty - 3)"), [(1, "Divide by zero error".to_owned())]);
    let ColumnValues::Long(others) = computed("10 / (qty - 3)").values.unwrap() else { panic!() };
    assert_eq!(others, Int64Array::from(vec![Some(-10), None, Some(10)]));
    let texts = faults("cast(side as bigint)");
    assert_eq!(texts.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [0, 1]);
    assert!(texts[1].1.contains("'sell'"), "{texts:?}");
    // Not what is left when the highest bits are gone.
    let [(0, overflow)] = &faults("big * 2")[..] else { panic!("{:?}", faults("big * 2")) };
    assert!(overflow.contains("Overflow"), "{overflow}");
    let Kept { rows, faults } = keep("10 / (qty - 3) > 0");
    assert_eq!(rows.set_indices().collect::<Vec<_>>(), [2]);
    assert_eq!(faults.iter().map(|fault| fault.row).collect::<Vec<_>>(), [1]);
}

/// The engine may look at an operand for all rows where only some need it.
#[test]
fn an_operand_that_a_row_does_not_need_does_no_harm() {
    assert_eq!(kept("qty <> 3 and 10 / (qty - 3) > 0"), [2]);
    assert_eq!(kept("qty = 3 or 10 / (qty - 3) > 0"), [1, 2]);
    let ColumnValues::Long(longs) = values("case when qty <> 3 then 10 / (qty - 3) end") else { panic!() };
    assert_eq!(longs, Int64Array::from(vec![Some(-10), None, Some(10)]));
}

#[test]
fn what_makes_no_sense_is_told_at_once() {
    for (sql, words) in [
        ("price >", "Expected"),
        ("price > 0 extra", "end of expression"),
        ("price as p", "the column's name is the setting's"),
        ("no_such_function(price)", "no_such_function"),
        ("sum(price) > 1", "There are only functions of one row"),
        ("(select 1) = 1", "no subqueries"),
        ("price in (select 1)", "no subqueries"),
        ("row_number() over () = 1", "beyond expressions of one row"),
        ("price[1] > 0", "beyond expressions of one row"),
        ("exists (select 1 from t)", "there is no table t here"),
        ("qty + 1", "it is no condition: it makes values of type Int64"),
        ("upper(side)", "it is no condition"),
        ("t.price > 0", "t.price"),
    ] {
        let error = expressions(sql, &[]).expect_err(sql).to_string();
        assert!(error.contains(words) && error.starts_with(&format!("filter: `{sql}`: ")), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    for (sql, words) in [
        ("interval '1 day'", "which no column takes"),
        ("struct(price)", "which no column takes"),
        ("price +", "Expected"),
    ] {
        let error = expressions("", &[("x", sql)]).expect_err(sql).to_string();
        assert!(error.contains(words) && error.starts_with(&format!("columns.x: `{sql}`: ")), "{error}");
    }
}

/// No record says how much memory there is, or which pattern is to be compiled.
#[test]
fn functions_without_bounds_take_literals() {
    for sql in [
        "repeat(side, qty)",
        "lpad(side, qty)",
        "rpad(side, 10, venue)",
        "replace(side, 'b', venue)",
        "regexp_replace(side, venue, 'x')",
        "regexp_like(side, venue)",
        "levenshtein(side, venue)",
        "side ~ venue",
        "side like venue",
        "case when true then repeat(side, qty) end",
    ] {
        let error = expressions("", &[("x", sql)]).expect_err(sql).to_string();
        assert!(error.contains("has to be a literal"), "{error}");
    }
    for (sql, first) in [
        ("repeat(side, 1 + 1)", "buybuy"),
        ("lpad(side, 5, '*')", "**buy"),
        ("replace(side, 'b', 'B')", "Buy"),
        ("regexp_replace(side, '[aeiou]', '.')", "b.y"),
    ] {
        let ColumnValues::Varchar(texts) = values(sql) else { panic!("{sql}") };
        assert_eq!(texts.value(0), first, "{sql}");
    }
}

/// What is made ready is kept, but not what depends on the time.
#[test]
fn now_goes_on() {
    let all = expressions("", &[("x", "now()")]).unwrap();
    let first = |computed: Computed| match computed.values {
        Some(ColumnValues::TimestampNanos(times)) => times.value(0),
        other => panic!("{other:?}"),
    };
    let before = first(all.compute(0, &block(), &no_table));
    let mut after = before;
    for _ in 0..1_000 {
        after = first(all.compute(0, &block(), &no_table));
        if after > before {
            break;
        }
    }
    assert!(after > before, "{before} {after}");
}

#[test]
fn the_types_of_columns_may_change_from_block_to_block() {
    let all = expressions("", &[("x", "qty / 2")]).unwrap();
    let mut other = block();
    other.columns[1].values = ColumnValues::Double(Float64Array::from(vec![1.0, 2.0, 3.0]));
    for _ in 0..2 {
        let ColumnValues::Long(_) = all.compute(0, &block(), &no_table).values.unwrap() else { panic!() };
        let ColumnValues::Double(halves) = all.compute(0, &other, &no_table).values.unwrap() else {
            panic!()
        };
        assert_eq!(halves, Float64Array::from(vec![0.5, 1.0, 1.5]));
    }
    let filter = expressions("qty > 1", &[]).unwrap();
    other.columns[1].values = ColumnValues::Boolean(vec![true, false, true].into());
    let Kept { rows, faults } = filter.keep(&other, &no_table).unwrap();
    assert_eq!((rows.count_set_bits(), faults.len()), (0, 3), "{faults:?}");
}

#[test]
fn arrays_are_not_seen() {
    let filter = expressions("bids is null", &[]).unwrap();
    let kept = filter.keep(&block(), &|_| Some(Target::DoubleArray { dimensions: 1 })).unwrap();
    assert_eq!(kept.faults.len(), 3);
    assert!(kept.faults[0].reason.contains("column bids: it is an array"), "{:?}", kept.faults);
}

#[test]
fn a_filter_that_needs_no_computed_column_comes_first() {
    let comes_first =
        |filter, columns: &[(&str, &str)]| expressions(filter, columns).unwrap().filter_comes_first();
    assert!(comes_first("price > 0", &[("notional", "price * qty")]));
    assert!(!comes_first("notional > 0", &[("Notional", "price * qty")]));
    assert!(!comes_first("", &[("notional", "price * qty")]));
}
