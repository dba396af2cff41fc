//! JSON arrays: numbers in up to three dimensions are a DOUBLE array, anything else is text.

use super::record::Row;
use super::refusal::{Refusal, cut};
use super::values::{Kind, Place};
use crate::config::{NullInArray, Unsupported};
use crate::decode::json::{JsonError, NumberValue, Scanner};
use crate::rows::{Target, Values};

/// How many dimensions an array column has at most.
const MAX_DIMENSIONS: usize = 3;

/// What an array holds, all that is nested in it taken together.
#[derive(Debug, Default)]
struct Survey {
    /// How many elements there are in each dimension, as far as met.
    lengths: [Option<u32>; MAX_DIMENSIONS],
    /// In how many arrays the numbers are.
    dimensions: Option<usize>,
    /// Arrays of one dimension differ in length, or numbers in how deep they are.
    jagged: bool,
    /// An array without elements.
    empty: bool,
    nulls: bool,
    /// Whether a null is a number that is none.
    null_is_nan: bool,
    /// In how many arrays those nulls are, at least and at most.
    null_depths: Option<(usize, usize)>,
    /// Strings, booleans or objects.
    others: bool,
    /// A number that no double may stand for: an integer beyond int64, or beyond all doubles.
    too_large: bool,
}

impl Row<'_, '_> {
    pub(super) fn array(&mut self, name: u32, scanner: &mut Scanner<'_>) -> Result<(), Refusal> {
        let start = scanner.offset();
        let mut elements = std::mem::take(&mut self.block.elements);
        elements.clear();
        let mut survey =
            Survey { null_is_nan: self.plan.config.null_in_array == NullInArray::Nan, ..Survey::default() };
        let done = match survey.array(scanner, 1, &mut elements) {
            Ok(()) => self.surveyed_array(name, &survey, &elements, scanner.since(start)),
            Err(error) => Err(self.bad_text(name, error)),
        };
        self.block.elements = elements;
        done
    }

    fn surveyed_array(
        &mut self,
        name: u32,
        survey: &Survey,
        elements: &[f64],
        source: &[u8],
    ) -> Result<(), Refusal> {
        let number = match self.place(name)? {
            Place::Column(number) | Place::Times(number) => number,
            Place::Taken => return Ok(()),
            Place::Timestamp(part) => return Err(self.no_timestamp(part, "an array", source)),
        };
        if survey.dimensions.is_none() && survey.others {
            return self.other_array(number, source);
        }
        let dimensions = survey.dimensions.or(survey.null_depths.map(|(least, _)| least));
        let has_numbers = dimensions.is_some();
        let nulls_fit =
            survey.null_depths.is_none_or(|(least, most)| dimensions == Some(least) && least == most);
        let column = &self.block.columns[number];
        // A column of texts takes any array, as its JSON.
        if column.target == Target::Text && self.plan.config.unsupported == Unsupported::Text {
            return self.array_text(number, source);
        }
        let fault = if survey.nulls {
            "QuestDB has no null in an array (`null_in_array = \"nan\"` for the topic writes NaN in its place)"
        } else if survey.others {
            "it mixes numbers with something else"
        } else if survey.too_large {
            "an integer beyond a LONG, or a number beyond all doubles, is in it"
        } else if survey.jagged || !nulls_fit || (survey.empty && has_numbers) {
            "QuestDB's arrays are rectangular: all arrays of one dimension need the same length"
        } else if !has_numbers && survey.lengths[1].is_some() {
            "QuestDB's arrays have no empty rows"
        } else {
            return match dimensions {
                Some(dimensions) if dimensions > MAX_DIMENSIONS => self.other_array(number, source),
                Some(dimensions) => {
                    let mut shape = [0; MAX_DIMENSIONS];
                    for (length, found) in shape.iter_mut().zip(survey.lengths) {
                        *length = found.unwrap_or(0);
                    }
                    self.double_array(number, dimensions, &shape, elements, source)
                }
                None => self.empty_array(number),
            };
        };
        let name = &column.name;
        Err(Refusal::of_column(
            name.clone(),
            format!(
                "column {name}: the array `{}` cannot be written: {fault}; send only numbers, or make the column a \
                 VARCHAR of the table, which takes arrays as JSON text",
                cut(source)
            ),
        ))
    }

    /// An array that QuestDB has no type for.
    fn other_array(&mut self, number: usize, source: &[u8]) -> Result<(), Refusal> {
        self.unsupported(number, Kind::Json, std::str::from_utf8(source).unwrap_or_default())
    }

    fn array_text(&mut self, number: usize, source: &[u8]) -> Result<(), Refusal> {
        self.start(number, Kind::Json)?;
        self.push_text(number, Kind::Json, source)
    }

    pub(super) fn double_array(
        &mut self,
        number: usize,
        dimensions: usize,
        shape: &[u32; MAX_DIMENSIONS],
        elements: &[f64],
        source: &[u8],
    ) -> Result<(), Refusal> {
        let kind = Kind::Array { dimensions };
        self.start(number, kind)?;
        match &mut self.block.columns[number].values {
            Values::Arrays(arrays) if arrays.dimensions == dimensions => {
                let end = i32::try_from(arrays.elements.len() + elements.len()).map_err(|_| {
                    Refusal::of_row(
                        "the arrays of the batch have more than 2^31 elements; send smaller batches",
                    )
                })?;
                arrays.elements.extend_from_slice(elements);
                arrays.offsets.push(end);
                arrays.shapes.extend_from_slice(&shape[..dimensions]);
            }
            _ => return Err(self.mismatch(number, kind, source)),
        }
        self.pushed(number);
        Ok(())
    }

    /// `[]` of which a schema tells what it is an array of.
    pub(super) fn typed_empty_array(&mut self, name: u32, dimensions: usize) -> Result<(), Refusal> {
        let number = match self.place(name)? {
            Place::Column(number) | Place::Times(number) => number,
            Place::Taken => return Ok(()),
            Place::Timestamp(part) => return Err(self.no_timestamp(part, "an array", b"[]")),
        };
        let is_text = self.block.columns[number].target == Target::Text;
        if is_text && self.plan.config.unsupported == Unsupported::Text {
            return self.array_text(number, b"[]");
        }
        self.double_array(number, dimensions, &[0; MAX_DIMENSIONS], &[], b"[]")
    }

    /// `[]` does not tell of what. Where the table or an earlier record does, it is an empty array; elsewhere it is
    /// left out like null, because a guess would fix the new column's type.
    fn empty_array(&mut self, number: usize) -> Result<(), Refusal> {
        let column = &self.block.columns[number];
        let dimensions = match (&column.values, &column.target) {
            (Values::Arrays(arrays), _) => arrays.dimensions,
            (Values::None, &Target::DoubleArray { dimensions }) => dimensions,
            (
                Values::None,
                Target::Free | Target::NewSymbol | Target::NewDouble | Target::NewTimestamp | Target::Other,
            ) => return Ok(()),
            (Values::Varchar { .. }, Target::Free | Target::Other) => return self.array_text(number, b"[]"),
            _ => return Err(self.mismatch(number, Kind::Array { dimensions: 1 }, b"[]")),
        };
        self.double_array(number, dimensions, &[0; MAX_DIMENSIONS], &[], b"[]")
    }
}

impl Survey {
    /// Reads an array that is in `depth` arrays, itself included.
    fn array(
        &mut self,
        scanner: &mut Scanner<'_>,
        depth: usize,
        elements: &mut Vec<f64>,
    ) -> Result<(), JsonError> {
        let mut length = 0_u32;
        let mut more = scanner.first_element()?;
        while more {
            match scanner.value_start()? {
                b'-' | b'0'..=b'9' => {
                    self.jagged |= *self.dimensions.get_or_insert(depth) != depth;
                    let value = match scanner.number()?.value {
                        NumberValue::Integer(value) => value as f64,
                        NumberValue::Double(value) => value,
                        NumberValue::BigInteger => f64::INFINITY,
                    };
                    self.too_large |= value.is_infinite();
                    elements.push(value);
                }
                b'[' => self.array(scanner, depth + 1, elements)?,
                b'n' => {
                    scanner.word(b"null")?;
                    if self.null_is_nan {
                        self.null_depths = match self.null_depths {
                            None => Some((depth, depth)),
                            Some((least, most)) => Some((least.min(depth), most.max(depth))),
                        };
                        elements.push(f64::NAN);
                    } else {
                        self.nulls = true;
                    }
                }
                _ => {
                    scanner.skip_value()?;
                    self.others = true;
                }
            }
            length = length.saturating_add(1);
            more = scanner.next_element()?;
        }
        self.empty |= length == 0;
        if let Some(known) = self.lengths.get_mut(depth - 1) {
            self.jagged |= *known.get_or_insert(length) != length;
        }
        Ok(())
    }
}
