//! What formats with schemas have in common on their way straight into columns: the names of a schema are looked up once in a
//! block, and a value that is common and needs no judgement, such as a long in a column of LONGs, is pushed at once.
//! Every other value goes by the same rules as one of a tree.

use super::plan::Plan;
use super::record::{Row, too_many_names};
use super::refusal::Refusal;
use super::values::{Kind, Place};
use crate::decode::json::{Number, NumberValue};
use crate::decode::{Names, ROOT, Timestamp, Value};
use crate::rows::{Binding, ColumnBuilder, Destination, KEY, NONE, RECORD, Target, Values};

/// Why a payload is no row.
#[derive(Debug)]
pub(super) enum Fault<E> {
    /// A column does not take a value.
    Refused(Refusal),
    /// It was not written with the schema.
    Misread(E),
}

impl<E> From<Refusal> for Fault<E> {
    #[cold]
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// As many schemas in one block are remembered. Records of more cost what the first of each costs.
const MAX_BINDINGS: usize = 64;

impl Row<'_, '_> {
    /// Runs something with the numbers that a schema's names have in this block. False: they do not fit the topic's
    /// settings, and its payloads are read as trees.
    #[inline]
    pub(super) fn with_names<E>(
        &mut self,
        schema: u64,
        names: &Names,
        object: u32,
        run: impl FnOnce(&mut Self, &[u32]) -> Result<(), Fault<E>>,
    ) -> Result<bool, Fault<E>> {
        // Taken out meanwhile: names are read while columns are written.
        let mut bindings = std::mem::take(&mut self.block.bindings);
        let bound = bindings
            .iter()
            .position(|binding| binding.schema == schema && binding.object == object)
            .map_or_else(|| self.bind(schema, names, object, &mut bindings), Ok);
        let done = match bound {
            Ok(number) => {
                let numbers = bindings.get(number).map(|binding| &*binding.names).unwrap_or_default();
                if numbers.len() < names.list.len() { Ok(false) } else { run(self, numbers).map(|()| true) }
            }
            Err(refusal) => Err(refusal.into()),
        };
        self.block.bindings = bindings;
        done
    }

    /// Finds the numbers of a schema's names in this block.
    #[cold]
    fn bind(
        &mut self,
        schema: u64,
        of: &Names,
        object: u32,
        bindings: &mut Vec<Binding>,
    ) -> Result<usize, Refusal> {
        let mut names: Vec<u32> = Vec::with_capacity(of.list.len());
        for name in &of.list {
            if let Some(&parent) = names.get(name.parent as usize)
                && self.timestamp_part(parent).is_some()
            {
                // An object where the designated timestamp belongs is judged as a tree: there are no names then.
                names.clear();
                break;
            }
            let paths = &mut self.block.paths;
            let found = if !of.is_object && name.parent == ROOT {
                paths.find(RECORD, self.plan.column_of(object), NONE)
            } else {
                let parent = match names.get(name.parent as usize) {
                    Some(&parent) => paths.child(parent),
                    None => object,
                };
                paths.find(parent, &name.name, NONE)
            };
            names.push(found.ok_or_else(too_many_names)?);
        }
        if bindings.len() >= MAX_BINDINGS {
            bindings.clear();
        }
        bindings.push(Binding { schema, object, names: names.into() });
        Ok(bindings.len() - 1)
    }

    /// A null that is not the whole payload.
    #[inline]
    pub(super) fn no_value(&mut self, name: u32, bound: u32) -> Result<(), Refusal> {
        if self.plan.judges_nulls && name != ROOT { self.null(bound) } else { Ok(()) }
    }

    /// A column that takes the row's next value as it is: no other value of this record is in it, and no row is missing.
    #[inline(always)]
    fn open_column(&mut self, name: u32) -> Option<&mut ColumnBuilder> {
        let Destination::Column(number) = self.block.paths.destination(name) else { return None };
        let row = self.block.rows();
        let column = self.block.columns.get_mut(number as usize)?;
        (column.attempt != self.block.attempt && column.rows == row).then_some(column)
    }

    /// Takes note that a value has been pushed to the column of a name.
    #[inline(always)]
    fn pushed_to(&mut self, name: u32) {
        if let Destination::Column(number) = self.block.paths.destination(name) {
            self.pushed(number as usize);
        }
    }

    #[inline(always)]
    pub(super) fn long(&mut self, name: u32, value: i64) -> Result<(), Refusal> {
        if let Some(ColumnBuilder { values: Values::Long(values), target, .. }) = self.open_column(name) {
            let fits = match target {
                Target::Integer { min, max } => (*min..=*max).contains(&value),
                _ => value != i64::MIN,
            };
            if fits {
                values.push(value);
                self.pushed_to(name);
                return Ok(());
            }
        }
        self.rare_long(name, value)
    }

    #[inline(never)]
    fn rare_long(&mut self, name: u32, value: i64) -> Result<(), Refusal> {
        let text = value.to_string();
        self.number(name, &Number { text: text.as_bytes(), value: NumberValue::Integer(value) })
    }

    #[inline(always)]
    pub(super) fn double_value(&mut self, name: u32, value: f64) -> Result<(), Refusal> {
        if let Some(ColumnBuilder { values: Values::Double(values), .. }) = self.open_column(name)
            && value.is_finite()
        {
            values.push(value);
            self.pushed_to(name);
            return Ok(());
        }
        self.rare_double(name, value)
    }

    #[inline(never)]
    fn rare_double(&mut self, name: u32, value: f64) -> Result<(), Refusal> {
        self.value(name, &Value::double(value))
    }

    #[inline(always)]
    pub(super) fn boolean_value(&mut self, name: u32, value: bool) -> Result<(), Refusal> {
        if let Some(ColumnBuilder { values: Values::Boolean(values), .. }) = self.open_column(name) {
            values.push(value);
            self.pushed_to(name);
            return Ok(());
        }
        self.boolean(name, value)
    }

    /// A text, which is UTF-8.
    #[inline(always)]
    pub(super) fn text_value(&mut self, name: u32, value: &[u8]) -> Result<(), Refusal> {
        if let Some(column) = self.open_column(name) {
            let pushed = match &mut column.values {
                Values::Varchar { bytes, offsets } => {
                    ColumnBuilder::push_varchar(bytes, offsets, value).is_ok()
                }
                Values::Symbol { .. } => column.push_symbol(value).is_ok(),
                _ => false,
            };
            if pushed {
                self.pushed_to(name);
                return Ok(());
            }
        }
        self.rare_text(name, value)
    }

    #[inline(never)]
    fn rare_text(&mut self, name: u32, value: &[u8]) -> Result<(), Refusal> {
        self.text(name, value)
    }

    #[inline(always)]
    pub(super) fn time_value(&mut self, name: u32, time: Timestamp) -> Result<(), Refusal> {
        if let Some(ColumnBuilder { values: Values::Timestamp(unit, values), .. }) = self.open_column(name)
            && let Some(value) = super::timestamp::in_unit(time, *unit)
        {
            values.push(value);
            self.pushed_to(name);
            return Ok(());
        }
        self.rare_time(name, time)
    }

    #[inline(never)]
    fn rare_time(&mut self, name: u32, time: Timestamp) -> Result<(), Refusal> {
        self.time(name, time)
    }

    /// Writes an array that needs no judgement. False: it does.
    pub(super) fn rectangular(
        &mut self,
        name: u32,
        shape: &Shape,
        elements: &[f64],
    ) -> Result<bool, Refusal> {
        if !shape.is_rectangular() {
            return Ok(false);
        }
        let Place::Column(number) = self.place(name)? else { return Ok(false) };
        let column = &self.block.columns[number];
        let takes = match (&column.values, &column.target) {
            (Values::Arrays(arrays), Target::Free | Target::DoubleArray { .. }) => {
                arrays.dimensions == shape.dimensions
            }
            (Values::None, Target::Free) => true,
            (Values::None, Target::DoubleArray { dimensions }) => *dimensions == shape.dimensions,
            _ => false,
        };
        if takes {
            self.start(number, Kind::Array { dimensions: shape.dimensions })?;
            self.double_array(number, shape.dimensions, &shape.lengths, elements, b"")?;
        }
        Ok(takes)
    }
}

/// What an array of numbers looks like.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// In how many dimensions its numbers are.
    pub dimensions: usize,
    lengths: [u32; 3],
    /// Of which dimensions the lengths are known, a bit each.
    known: u8,
    /// Whether it is not as simple as columns take it at once.
    pub irregular: bool,
}
impl Shape {
    /// Of an array in so many dimensions, of which nothing else is known.
    pub fn of(dimensions: usize) -> Self {
        Self { dimensions, ..Self::default() }
    }

    /// Takes note of how many elements there are in one place of a dimension.
    pub fn meet(&mut self, depth: usize, length: u32) {
        match self.lengths.get_mut(depth) {
            Some(known) if self.known & 1 << depth == 0 => {
                *known = length;
                self.known |= 1 << depth;
            }
            Some(known) => self.irregular |= *known != length,
            None => self.irregular = true,
        }
    }

    fn is_rectangular(&self) -> bool {
        !self.irregular && self.lengths.iter().take(self.dimensions).all(|&length| length > 0)
    }
}

impl Plan {
    /// The column of a key or a value that is no object.
    pub(super) fn column_of(&self, object: u32) -> &str {
        if object == KEY { &self.key_column } else { &self.value_column }
    }
}
