//! What formats with schemas have in common on their way straight into columns: the names of a schema are looked up once in a
//! block, and a value that is common and needs no judgement, such as a long in a column of LONGs, is pushed at once.
//! Every other value goes by the same rules as one of a tree.

use super::plan::Plan;
use super::record::{Row, too_many_names};
use super::refusal::Refusal;
use super::values::{Kind, Place};
use crate::decode::json::{Number, NumberValue};
use crate::decode::{Names, ROOT, Timestamp, Value};
use crate::rows::{Binding, ColumnBuilder, Destination, Field, KEY, NONE, Paths, RECORD, Target, Values};

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

/// The names of a schema in this block, by its own numbers for them.
pub(super) struct Fields<'f>(&'f mut [Field]);

impl Fields<'_> {
    #[inline(always)]
    pub fn get(&self, name: u32) -> Field {
        self.0.get(name as usize).copied().unwrap_or(Field::NONE)
    }

    /// Takes note of the column that a name's values go to.
    #[inline(never)]
    fn learn(&mut self, name: u32, paths: &Paths) {
        if let Some(field) = self.0.get_mut(name as usize)
            && let Destination::Column(column) = paths.destination(field.name)
        {
            field.column = column;
        }
    }
}

impl Row<'_, '_> {
    /// Runs something with what a schema's names are in this block. False: they do not fit the topic's settings, and
    /// its payloads are read as trees.
    #[inline]
    pub(super) fn with_fields<E>(
        &mut self,
        schema: u64,
        names: &Names,
        object: u32,
        run: impl FnOnce(&mut Self, &mut Fields<'_>) -> Result<(), Fault<E>>,
    ) -> Result<bool, Fault<E>> {
        let known = self.block.bindings.iter().position(|binding| binding.is_of(schema, object));
        let number = match known {
            Some(number) => number,
            None => self.bind(schema, names, object)?,
        };
        let Some(binding) = self.block.bindings.get_mut(number) else { return Ok(false) };
        // Taken out meanwhile: names are read while columns are written.
        let mut fields = std::mem::take(&mut binding.fields);
        let fits = fields.len() >= names.list.len();
        let done = if fits { run(self, &mut Fields(&mut fields)).map(|()| true) } else { Ok(false) };
        if let Some(binding) = self.block.bindings.get_mut(number) {
            binding.fields = fields;
        }
        done
    }

    /// Finds a schema's names in this block.
    #[cold]
    fn bind(&mut self, schema: u64, of: &Names, object: u32) -> Result<usize, Refusal> {
        let mut fields: Vec<Field> = Vec::with_capacity(of.list.len());
        for name in &of.list {
            let parent = fields.get(name.parent as usize).map(|parent| parent.name);
            if let Some(parent) = parent
                && self.timestamp_part(parent).is_some()
            {
                // An object where the designated timestamp belongs is judged as a tree: there are no names then.
                fields.clear();
                break;
            }
            let paths = &mut self.block.paths;
            let found = if !of.is_object && name.parent == ROOT {
                paths.find(RECORD, self.plan.column_of(object), NONE)
            } else {
                let parent = parent.map_or(object, |parent| paths.child(parent));
                paths.find(parent, &name.name, NONE)
            };
            fields.push(Field { name: found.ok_or_else(too_many_names)?, column: NONE });
        }
        self.block.bind(Binding { fields: fields.into(), ..Binding::new(schema, object) });
        Ok(self.block.bindings.len() - 1)
    }

    /// A null that is not the whole payload.
    #[inline]
    pub(super) fn no_value(&mut self, fields: &Fields<'_>, name: u32) -> Result<(), Refusal> {
        if self.plan.judges_nulls && name != ROOT { self.null(fields.get(name).name) } else { Ok(()) }
    }

    /// Pushes a value to a column that takes it as it is, which `push` says. Else it is written by the rules for all.
    #[inline(always)]
    fn push_or(
        &mut self,
        fields: &mut Fields<'_>,
        name: u32,
        push: impl FnOnce(&mut ColumnBuilder) -> bool,
        write: impl FnOnce(&mut Self, u32) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let (row, attempt) = (self.block.rows(), self.block.attempt);
        if let Some(column) = self.block.columns.get_mut(fields.get(name).column as usize)
            && column.is_at(row)
            && push(column)
        {
            column.pushed(attempt, self.in_key);
            self.values += 1;
            return Ok(());
        }
        self.rarely(fields, name, write)
    }

    /// Writes a value by the rules for all, and takes note of the column that it went to.
    #[inline(never)]
    fn rarely(
        &mut self,
        fields: &mut Fields<'_>,
        name: u32,
        write: impl FnOnce(&mut Self, u32) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        write(self, fields.get(name).name)?;
        fields.learn(name, &self.block.paths);
        Ok(())
    }

    #[inline(always)]
    pub(super) fn long(&mut self, fields: &mut Fields<'_>, name: u32, value: i64) -> Result<(), Refusal> {
        let push = |column: &mut ColumnBuilder| {
            let fits = match column.target {
                Target::Integer { min, max } => (min..=max).contains(&value),
                _ => value != i64::MIN,
            };
            match &mut column.values {
                Values::Long(values) if fits => pushed(values, value),
                _ => false,
            }
        };
        self.push_or(fields, name, push, |row, name| {
            let text = value.to_string();
            row.number(name, &Number { text: text.as_bytes(), value: NumberValue::Integer(value) })
        })
    }

    #[inline(always)]
    pub(super) fn double_value(
        &mut self,
        fields: &mut Fields<'_>,
        name: u32,
        value: f64,
    ) -> Result<(), Refusal> {
        let push = |column: &mut ColumnBuilder| match &mut column.values {
            Values::Double(values) if value.is_finite() => pushed(values, value),
            _ => false,
        };
        self.push_or(fields, name, push, |row, name| row.value(name, &Value::double(value)))
    }

    #[inline(always)]
    pub(super) fn float_value(
        &mut self,
        fields: &mut Fields<'_>,
        name: u32,
        value: f32,
    ) -> Result<(), Refusal> {
        let push = |column: &mut ColumnBuilder| match &mut column.values {
            Values::Double(values) | Values::Float(values) if value.is_finite() => {
                pushed(values, value.into())
            }
            _ => false,
        };
        self.push_or(fields, name, push, |row, name| row.float(name, value))
    }

    #[inline(always)]
    pub(super) fn boolean_value(
        &mut self,
        fields: &mut Fields<'_>,
        name: u32,
        value: bool,
    ) -> Result<(), Refusal> {
        let push = |column: &mut ColumnBuilder| match &mut column.values {
            Values::Boolean(values) => pushed(values, value),
            _ => false,
        };
        self.push_or(fields, name, push, |row, name| row.boolean(name, value))
    }

    /// A text, which is UTF-8.
    #[inline(always)]
    pub(super) fn text_value(
        &mut self,
        fields: &mut Fields<'_>,
        name: u32,
        value: &[u8],
    ) -> Result<(), Refusal> {
        let push = |column: &mut ColumnBuilder| match &mut column.values {
            Values::Varchar { bytes, offsets } => ColumnBuilder::push_varchar(bytes, offsets, value).is_ok(),
            Values::Symbol { .. } => column.push_symbol(value).is_ok(),
            _ => false,
        };
        self.push_or(fields, name, push, |row, name| row.text(name, value))
    }

    #[inline(always)]
    pub(super) fn time_value(
        &mut self,
        fields: &mut Fields<'_>,
        name: u32,
        time: Timestamp,
    ) -> Result<(), Refusal> {
        let push = |column: &mut ColumnBuilder| match &mut column.values {
            Values::Timestamp(unit, values) => {
                super::timestamp::in_unit(time, *unit).is_some_and(|value| pushed(values, value))
            }
            _ => false,
        };
        self.push_or(fields, name, push, |row, name| row.time(name, time))
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

/// Pushes a value. True, as then it is done.
#[inline(always)]
fn pushed<T>(values: &mut Vec<T>, value: T) -> bool {
    values.push(value);
    true
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
