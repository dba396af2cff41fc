//! A block's columns as the engine's arrays, and the engine's values as columns.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, Int64Array, TimestampMicrosecondArray, TimestampMillisecondArray,
    TimestampNanosecondArray,
};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{ArrowError, DataType, TimeUnit as ArrowUnit};

use crate::rows::{Block, ColumnValues, Literal, Target, TimeUnit};

const MICROS: DataType = DataType::Timestamp(ArrowUnit::Microsecond, None);
const NANOS: DataType = DataType::Timestamp(ArrowUnit::Nanosecond, None);
const MILLIS: DataType = DataType::Timestamp(ArrowUnit::Millisecond, None);

/// What an expression sees of a block by a column's name in lower case. None: the block has no such column. Err: it has
/// one that expressions do not see.
pub(super) fn find(block: &Block, lower: &str) -> Option<Result<ArrayRef, String>> {
    if block.timestamp.name.to_lowercase() == lower {
        let values = block.timestamp.values.clone();
        return Some(Ok(match block.timestamp.unit {
            TimeUnit::Micros => Arc::new(TimestampMicrosecondArray::new(values, None)),
            TimeUnit::Nanos => Arc::new(TimestampNanosecondArray::new(values, None)),
        }));
    }
    let column = block.columns.iter().find(|column| column.name.to_lowercase() == lower)?;
    Some(array_of(&column.values).map_err(|reason| format!("column {}: {reason}", column.name)))
}

fn array_of(values: &ColumnValues) -> Result<ArrayRef, String> {
    let parts = |values: &Int64Array| (values.values().clone(), values.nulls().cloned());
    Ok(match values {
        ColumnValues::Boolean(values) => Arc::new(values.clone()),
        ColumnValues::Long(values) => Arc::new(values.clone()),
        ColumnValues::Double(values) => Arc::new(values.clone()),
        ColumnValues::Varchar(values) => Arc::new(values.clone()),
        ColumnValues::Symbol(values) => Arc::new(values.clone()),
        ColumnValues::Timestamp(values) => {
            let (values, nulls) = parts(values);
            Arc::new(TimestampMicrosecondArray::new(values, nulls))
        }
        ColumnValues::TimestampNanos(values) => {
            let (values, nulls) = parts(values);
            Arc::new(TimestampNanosecondArray::new(values, nulls))
        }
        ColumnValues::Date(values) => {
            let (values, nulls) = parts(values);
            Arc::new(TimestampMillisecondArray::new(values, nulls))
        }
        ColumnValues::Literal(literal, values) => {
            let texts: ArrayRef = Arc::new(values.clone());
            cast(&texts, &literal_type(*literal)).map_err(|error| error.to_string())?
        }
        ColumnValues::DoubleArray(_) => return Err(NO_ARRAYS.to_owned()),
    })
}

const NO_ARRAYS: &str = "it is an array, and expressions do not see arrays";

/// What a column that no row of a block has a value for is to an expression. None: nobody knows.
pub(super) fn type_of(target: &Target) -> Result<Option<DataType>, String> {
    Ok(Some(match target {
        Target::Boolean => DataType::Boolean,
        Target::Integer { .. } => DataType::Int64,
        Target::Float | Target::Double | Target::NewDouble => DataType::Float64,
        Target::Timestamp(TimeUnit::Nanos) => NANOS,
        Target::Timestamp(TimeUnit::Micros) | Target::NewTimestamp => MICROS,
        Target::Date => MILLIS,
        Target::Literal(literal) => literal_type(*literal),
        Target::Text => DataType::Utf8,
        Target::Symbol | Target::NewSymbol => symbol_type(),
        Target::DoubleArray { .. } => return Err(NO_ARRAYS.to_owned()),
        Target::Free | Target::Other | Target::Closed => return Ok(None),
    }))
}

fn literal_type(literal: Literal) -> DataType {
    let Literal::Decimal { precision, scale } = literal else { return DataType::Utf8 };
    // QuestDB's have at most 76 digits.
    let scale = i8::try_from(scale).unwrap_or_default();
    match precision {
        0..=38 => DataType::Decimal128(precision, scale),
        _ => DataType::Decimal256(precision.min(76), scale),
    }
}

fn symbol_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// The type that an expression's values have in a column. Err: there is none.
pub(super) fn column_type(of: &DataType) -> Result<DataType, String> {
    Ok(match of {
        DataType::Null => DataType::Null,
        DataType::Boolean => DataType::Boolean,
        kind if kind.is_integer() => DataType::Int64,
        kind if kind.is_floating() => DataType::Float64,
        kind if kind.is_decimal() => kind.clone(),
        DataType::Timestamp(ArrowUnit::Nanosecond, _) => NANOS,
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => MICROS,
        DataType::Dictionary(_, values) if values.is_string() => symbol_type(),
        DataType::Dictionary(_, values) => return column_type(values),
        kind if kind.is_string() || kind.is_temporal() && !is_span(kind) => DataType::Utf8,
        other => return Err(format!("it makes values of type {other}, which no column takes")),
    })
}

fn is_span(kind: &DataType) -> bool {
    matches!(kind, DataType::Interval(_) | DataType::Duration(_))
}

/// Values of a type that [`column_type`] has told, as a column's. None: none of them is a value.
pub(super) fn as_column(values: &ArrayRef) -> Option<ColumnValues> {
    if values.logical_null_count() == values.len() {
        return None;
    }
    Some(match values.data_type() {
        DataType::Boolean => ColumnValues::Boolean(values.as_boolean().clone()),
        DataType::Int64 => ColumnValues::Long(values.as_primitive::<Int64Type>().clone()),
        DataType::Float64 => ColumnValues::Double(values.as_primitive::<Float64Type>().clone()),
        DataType::Timestamp(ArrowUnit::Nanosecond, _) => ColumnValues::TimestampNanos(numbers(values)?),
        DataType::Timestamp(..) => ColumnValues::Timestamp(numbers(values)?),
        DataType::Dictionary(..) => ColumnValues::Symbol(values.as_dictionary::<Int32Type>().clone()),
        DataType::Utf8 => ColumnValues::Varchar(values.as_string::<i32>().clone()),
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            // One of a negative scale is written with all its digits.
            let literal =
                Literal::Decimal { precision: *precision, scale: u8::try_from(*scale).unwrap_or(0) };
            let texts = cast(values, &DataType::Utf8).ok()?;
            ColumnValues::Literal(literal, texts.as_string::<i32>().clone())
        }
        _ => return None,
    })
}

fn numbers(values: &ArrayRef) -> Option<Int64Array> {
    Some(cast(values, &DataType::Int64).ok()?.as_primitive::<Int64Type>().clone())
}

/// Values of another type. Err: one of them has none of the same worth.
pub(super) fn cast(values: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    if values.data_type() == to {
        return Ok(values.clone());
    }
    cast_with_options(values, to, &CastOptions { safe: false, ..CastOptions::default() })
}
