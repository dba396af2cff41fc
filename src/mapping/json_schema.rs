//! JSON by a JSON Schema, in place: as JSON without one, except where the schema says what a value is.

use std::collections::HashSet;

use super::record::{Child, Row};
use super::refusal::Refusal;
use super::timestamp::{Demand, parse_iso};
use super::values::{Kind, Place};
use crate::decode::json::{JsonError, Number, NumberValue, Scanner};
use crate::decode::json_schema::{
    self, JsonSchema, JsonSchemaFault, Meaning, Node, check_numbers, dimensions, whole,
};
use crate::rows::{Binding, NONE, Target, Values};

/// Why a payload is no row.
pub(super) enum Fault {
    /// By what is done with its values.
    Refused(Refusal),
    /// It contradicts its schema; in a field, where it is one that does.
    Misread(Option<String>, JsonSchemaFault),
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<JsonError> for Fault {
    fn from(error: JsonError) -> Self {
        Self::Refused(error.into())
    }
}

/// What the names that a block knows are by a schema.
struct Typed<'s> {
    nodes: &'s [Node],
    /// By the names' numbers; [`NONE`] where it has not been looked up.
    by_name: Vec<u32>,
}

impl<'s> Typed<'s> {
    fn node(&self, node: u32) -> &'s Node {
        self.nodes.get(node as usize).unwrap_or(&Node::Any)
    }
}

impl Row<'_, '_> {
    /// A key or a value by its schema.
    #[inline]
    pub(super) fn json_schema(
        &mut self,
        schema: &JsonSchema,
        body: &[u8],
        object: u32,
        superseded: Option<&HashSet<usize>>,
    ) -> Result<(), Fault> {
        // Taken out meanwhile: types are looked up while columns are written.
        let bindings = &mut self.block.bindings;
        let bound = bindings.iter().position(|binding| binding.is_of(schema.serial(), object));
        let mut binding = match bound {
            Some(number) => bindings.swap_remove(number),
            None => Binding::new(schema.serial(), object),
        };
        let mut typed =
            Typed { nodes: schema.nodes(), by_name: std::mem::take(&mut binding.numbers).into_vec() };
        let mut scanner = Scanner::new(body);
        let done = self.document_of(&mut scanner, schema.root(), &mut typed, object, superseded);
        binding.numbers = typed.by_name.into();
        self.block.bind(binding);
        done?;
        Ok(scanner.end()?)
    }

    fn document_of(
        &mut self,
        scanner: &mut Scanner<'_>,
        root: u32,
        typed: &mut Typed<'_>,
        object: u32,
        superseded: Option<&HashSet<usize>>,
    ) -> Result<(), Fault> {
        if scanner.value_start()? == b'{' && matches!(typed.node(root), Node::Object(_) | Node::Any) {
            return self.typed_object(scanner, object, root, typed, superseded);
        }
        let name = self.name_of(object)?;
        self.typed_member(scanner, name, root, typed, superseded)
    }

    fn typed_object(
        &mut self,
        scanner: &mut Scanner<'_>,
        object: u32,
        node: u32,
        typed: &mut Typed<'_>,
        superseded: Option<&HashSet<usize>>,
    ) -> Result<(), Fault> {
        let Node::Object(fields) = typed.node(node) else {
            return Ok(self.object(scanner, object, superseded)?);
        };
        self.members(scanner, object, superseded, |row, scanner, name| {
            let field = match typed.by_name.get(name as usize) {
                Some(&field) if field != NONE => field,
                _ => {
                    let field = fields.field(row.block.paths.own_name(name));
                    let length = typed.by_name.len().max(name as usize + 1);
                    typed.by_name.resize(length, NONE);
                    if let Some(place) = typed.by_name.get_mut(name as usize) {
                        *place = field;
                    }
                    field
                }
            };
            row.typed_member(scanner, name, field, typed, superseded)
        })
    }

    /// Reads the value of a field.
    #[inline]
    fn typed_member(
        &mut self,
        scanner: &mut Scanner<'_>,
        name: u32,
        node: u32,
        typed: &mut Typed<'_>,
        superseded: Option<&HashSet<usize>>,
    ) -> Result<(), Fault> {
        match (typed.node(node), scanner.value_start()?) {
            (Node::Any, _) | (_, b'n') | (Node::Text, b'"') | (Node::Boolean, b't' | b'f') => {
                self.as_json(scanner, name, superseded)?;
            }
            (Node::Integer(Meaning::Number), b'-' | b'0'..=b'9') => {
                let number = scanner.number()?;
                match number.value {
                    NumberValue::Integer(_) | NumberValue::BigInteger => self.number(name, &number)?,
                    NumberValue::Double(_) => self.whole_number(name, &number)?,
                }
            }
            (Node::Number, b'-' | b'0'..=b'9') => {
                let number = scanner.number()?;
                match number.value {
                    NumberValue::Double(_) => self.number(name, &number)?,
                    _ => self.whole_double(name, &number)?,
                }
            }
            (Node::Time, b'"') => {
                let text = scanner.string().map_err(|error| self.bad_text(name, error))?;
                match text.plain() {
                    Some(plain) => self.schema_time(name, plain)?,
                    None => {
                        let mut unescaped = Vec::new();
                        text.unescape_into(&mut unescaped);
                        self.schema_time(name, &unescaped)?;
                    }
                }
            }
            (Node::Object(_), b'{') => match self.child(name) {
                Child::Object(child) => self.typed_object(scanner, child, node, typed, superseded)?,
                Child::Timestamp(_) => self.as_json(scanner, name, superseded)?,
            },
            (Node::Array(_), b'[') => self.typed_array(scanner, name, node, typed.nodes)?,
            _ => self.by_its_tree(scanner, name, node, typed.nodes)?,
        }
        Ok(())
    }

    /// Reads the value of a field as JSON has it. A function of its own, so that JSON without a schema has the only other
    /// place where that is inlined.
    #[inline(never)]
    fn as_json(
        &mut self,
        scanner: &mut Scanner<'_>,
        name: u32,
        superseded: Option<&HashSet<usize>>,
    ) -> Result<(), Refusal> {
        self.member(scanner, name, superseded)
    }

    fn typed_array(
        &mut self,
        scanner: &mut Scanner<'_>,
        name: u32,
        node: u32,
        nodes: &[Node],
    ) -> Result<(), Fault> {
        let misread = |row: &Self, fault| Fault::misread(row, name, fault);
        let mut ahead = scanner.clone();
        match dimensions(nodes, node) {
            Some(dimensions) => {
                let has_numbers =
                    check_numbers(nodes, node, &mut ahead).map_err(|fault| misread(self, fault))?;
                if !has_numbers {
                    *scanner = ahead;
                    return Ok(self.typed_empty_array(name, dimensions)?);
                }
            }
            None => drop(json_schema::read(nodes, node, &mut ahead).map_err(|fault| misread(self, fault))?),
        }
        Ok(self.array(name, scanner)?)
    }

    /// What is rare, or takes more than a look.
    #[inline(never)]
    fn by_its_tree(
        &mut self,
        scanner: &mut Scanner<'_>,
        name: u32,
        node: u32,
        nodes: &[Node],
    ) -> Result<(), Fault> {
        let value =
            json_schema::read(nodes, node, scanner).map_err(|fault| Fault::misread(self, name, fault))?;
        Ok(self.value(name, &value)?)
    }

    /// An integer that is written with a fraction or an exponent.
    #[cold]
    fn whole_number(&mut self, name: u32, number: &Number<'_>) -> Result<(), Fault> {
        let Some(value) = whole(number) else {
            let fault = JsonSchemaFault::Contradiction {
                field: String::new(),
                value: number.as_str().to_owned(),
                wanted: "integer",
            };
            return Err(Fault::misread(self, name, fault));
        };
        let text = value.to_string();
        Ok(self.number(name, &Number { text: text.as_bytes(), value: NumberValue::Integer(value) })?)
    }

    /// A number that is a double by its schema, and is written without a fraction: a column that is new becomes DOUBLE.
    /// Others take it as the integer that it is.
    pub(super) fn whole_double(&mut self, name: u32, number: &Number<'_>) -> Result<(), Refusal> {
        if let Place::Column(column) = self.place(name)? {
            let builder = &self.block.columns[column];
            if builder.target == Target::Free && matches!(builder.values, Values::None | Values::Double(_)) {
                let value = match number.value {
                    NumberValue::Integer(value) => value as f64,
                    _ => number.as_str().parse().unwrap_or(f64::INFINITY),
                };
                return self.double(column, value, number);
            }
        }
        self.number(name, number)
    }

    /// A text that its schema says to be a date or a time: a column that is new becomes TIMESTAMP. Columns of texts take
    /// it as it is.
    pub(super) fn schema_time(&mut self, name: u32, text: &[u8]) -> Result<(), Refusal> {
        if let Place::Column(column) = self.place(name)? {
            let builder = &self.block.columns[column];
            let is_new = matches!(builder.target, Target::Free | Target::NewDouble);
            if is_new && matches!(builder.values, Values::None | Values::Timestamp(..)) {
                return match parse_iso(std::str::from_utf8(text).unwrap_or_default(), Demand::Date) {
                    Some(time) => {
                        self.start(column, Kind::Time)?;
                        self.point_in_time(column, time, text)
                    }
                    None => Err(self.no_time(column, text)),
                };
            }
        }
        self.text(name, text)
    }
}

impl Fault {
    #[cold]
    fn misread(row: &Row<'_, '_>, name: u32, fault: JsonSchemaFault) -> Self {
        match fault {
            JsonSchemaFault::Json(error) => row.bad_text(name, error).into(),
            JsonSchemaFault::Contradiction { field, value, wanted } => {
                let own = row.block.paths.field_name(name);
                let field = if field.is_empty() { own.clone() } else { format!("{own}.{field}") };
                Self::Misread(Some(own), JsonSchemaFault::Contradiction { field, value, wanted })
            }
        }
    }
}
