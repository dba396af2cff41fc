use arrow_array::{BooleanArray, Float64Array};
use arrow_buffer::{OffsetBuffer, ScalarBuffer};
use tokio::time::Instant;

use super::super::outcome::{Submission, ticket};
use super::*;
use crate::memory::MemoryBudget;
use crate::rows::{TableName, TimeUnit, Timestamps};
fn column(name: &str, values: ColumnValues) -> Column {
    Column { name: name.into(), values }
}

fn symbols(values: &[Option<&str>]) -> ColumnValues {
    ColumnValues::Symbol(values.iter().copied().collect())
}

fn arrays(shape: &[u32], elements: &[f64], valid: &[bool]) -> ColumnValues {
    let lengths = valid.iter().map(|&valid| if valid { elements.len() } else { 0 });
    let shapes: Vec<u32> = valid
        .iter()
        .flat_map(|&valid| shape.iter().map(move |&length| if valid { length } else { 0 }))
        .collect();
    let count = valid.iter().filter(|&&valid| valid).count();
    ColumnValues::DoubleArray(DoubleArrays {
        dimensions: shape.len(),
        elements: ScalarBuffer::from(elements.repeat(count)),
        offsets: OffsetBuffer::from_lengths(lengths),
        shapes: ScalarBuffer::from(shapes),
        nulls: Some(NullBuffer::from(valid.to_vec())),
    })
}

async fn pending(timestamps_us: Vec<i64>, columns: Vec<Column>) -> Pending {
    let origin = (0..timestamps_us.len() as u32).collect();
    let timestamp = Timestamps { name: "ts".into(), unit: TimeUnit::Micros, values: timestamps_us.into() };
    let block = Block { table: TableName::new("t"), timestamp, columns, origin };
    let charge = MemoryBudget::new(1 << 20).decode_turn().await.charge(1);
    let (resolver, _) = ticket();
    Pending::new(Submission {
        block,
        partition: 0,
        deadline: Instant::now(),
        fence: None,
        label: None,
        charge,
        resolver,
    })
}

fn valid(column: &MergedColumn, rows: usize) -> Vec<bool> {
    (0..rows).map(|row| column.validity.bytes[row / 8] >> (row % 8) & 1 == 1).collect()
}

#[tokio::test]
async fn columns_of_all_blocks_with_nulls_where_a_block_lacks_one() {
    let first = vec![
        column("s", symbols(&[Some("a"), None, Some("b")])),
        column("l", ColumnValues::Long(vec![Some(1), Some(2), None].into())),
        column("b", ColumnValues::Boolean(BooleanArray::from(vec![Some(true), None, Some(false)]))),
    ];
    let second = vec![
        column("L", ColumnValues::Long(vec![4, 5].into())),
        column("v", ColumnValues::Varchar(StringArray::from(vec![Some("é"), None]))),
        column("s", symbols(&[Some("b"), Some("c")])),
        column("d", ColumnValues::Double(Float64Array::from(vec![None, Some(-0.0)]))),
        column("a", arrays(&[1, 2], &[7.0, 8.0], &[false, true])),
    ];
    let batch = [pending(vec![1, 2, 3], first).await, pending(vec![4, 5], second).await];
    let Merge::Blocks(2, merged) = merge(&batch, 1 << 20) else { panic!("not merged") };
    assert_eq!(merged.table, "t");
    assert_eq!(merged.timestamps, [1, 2, 3, 4, 5]);
    let names: Vec<_> = merged.columns.iter().map(|column| &*column.name).collect();
    assert_eq!(names, ["s", "l", "b", "v", "d", "a"]);

    let [s, l, b, v, d, a] = &merged.columns[..] else { panic!("not six") };
    let MergedValues::Symbol { codes, dictionary } = &s.values else { panic!("not a symbol") };
    assert_eq!(
        (dictionary.bytes.as_slice(), dictionary.offsets.as_slice()),
        (&b"abc"[..], &[0, 1, 2, 3][..])
    );
    assert_eq!([codes[0], codes[2], codes[3], codes[4]], [0, 1, 1, 2]);
    assert_eq!(valid(s, 5), [true, false, true, true, true]);
    assert_eq!(l.values, MergedValues::Long(vec![1, 2, 0, 4, 5]));
    assert_eq!(valid(l, 5), [true, true, false, true, true]);
    let MergedValues::Boolean(bits) = &b.values else { panic!("not boolean") };
    assert_eq!(bits.bytes, [0b1]);
    assert_eq!(valid(b, 5), [true, false, true, false, false]);
    let MergedValues::Varchar(texts) = &v.values else { panic!("not a text") };
    assert_eq!((texts.bytes.as_slice(), texts.offsets.as_slice()), ("é".as_bytes(), &[0, 0, 0, 0, 2, 2][..]));
    assert_eq!(valid(v, 5), [false, false, false, true, false]);
    let MergedValues::Double(values) = &d.values else { panic!("not a double") };
    assert_eq!(values[4].to_bits(), (-0.0_f64).to_bits());
    let MergedValues::DoubleArray { shape, elements } = &a.values else { panic!("not an array") };
    assert_eq!((shape.as_slice(), elements.len()), (&[1, 2][..], 10));
    assert_eq!(elements[8..], [7.0, 8.0]);
    assert_eq!(valid(a, 5), [false, false, false, false, true]);
}

#[tokio::test]
async fn a_request_ends_where_types_or_shapes_differ_and_at_its_limit() {
    let long = || vec![column("x", ColumnValues::Long(vec![1].into()))];
    let double = vec![column("X", ColumnValues::Double(Float64Array::from(vec![1.0])))];
    let batch =
        [pending(vec![1], long()).await, pending(vec![2], double).await, pending(vec![3], long()).await];
    assert!(matches!(merge(&batch, 1 << 20), Merge::Blocks(1, _)));

    let same =
        [pending(vec![1], long()).await, pending(vec![2], long()).await, pending(vec![3], long()).await];
    assert!(matches!(merge(&same, 1 << 20), Merge::Blocks(3, _)));
    assert!(matches!(merge(&same, 1), Merge::Blocks(1, _)));

    let two = vec![column("a", arrays(&[2], &[1.0, 2.0], &[true]))];
    let three = vec![column("a", arrays(&[3], &[1.0, 2.0, 3.0], &[true]))];
    let shapes = [pending(vec![1], two).await, pending(vec![2], three).await];
    assert!(matches!(merge(&shapes, 1 << 20), Merge::Blocks(1, _)));

    let empty = [pending(vec![1], vec![column("a", arrays(&[0], &[], &[true]))]).await];
    assert!(matches!(merge(&empty, 1 << 20), Merge::Ragged));
}

#[tokio::test]
async fn typed_texts_become_binary_and_units_do_not_mix() {
    let addresses = |texts: [Option<&str>; 2]| {
        column("u", ColumnValues::Literal(Literal::Ipv4, StringArray::from(texts.to_vec())))
    };
    let date = column("d", ColumnValues::Date(vec![Some(5), None].into()));
    let decimal = |scale| {
        let literal = Literal::Decimal { precision: 10, scale };
        column("p", ColumnValues::Literal(literal, StringArray::from(vec![Some("1.5"), None])))
    };
    let batch = [
        pending(vec![1, 2], vec![addresses([Some("1.2.3.4"), None]), date, decimal(2)]).await,
        pending(vec![3, 4], vec![addresses([Some(""), Some("0.0.0.1")])]).await,
        pending(vec![5, 6], vec![decimal(3)]).await,
    ];
    let Merge::Blocks(2, merged) = merge(&batch, usize::MAX) else { panic!() };
    assert_eq!(merged.columns[0].values, MergedValues::Typed(Typed::Ipv4(vec![0x0102_0304, 0, 0, 1])));
    assert_eq!(valid(&merged.columns[0], 4), [true, false, false, true]);
    assert_eq!(merged.columns[1].values, MergedValues::Date(vec![5, 0, 0, 0]));
    let MergedValues::Typed(Typed::Decimal { scale: 2, values }) = &merged.columns[2].values else {
        panic!()
    };
    assert_eq!((values.len(), values[0][0]), (4, 150));
    let mut nanos = pending(vec![1], vec![addresses([None, Some("1.1.1.1")])]).await;
    nanos.block.timestamp.unit = TimeUnit::Nanos;
    let [first, ..] = batch;
    assert!(matches!(merge(&[first, nanos], usize::MAX), Merge::Blocks(1, _)));
}
