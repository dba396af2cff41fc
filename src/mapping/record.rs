use std::collections::HashSet;

use quafka_protocol::Headers;

use super::attempt::{Superseded, bad_key, row_error};
use super::plan::{InPlace, Plan};
use super::refusal::{BadText, Refusal, cut};
use crate::config::TopLevelArray;
use crate::decode::json::{self, JsonError, Scanner};
use crate::decode::{Timestamp, Value};
use crate::rows::{BlockBuilder, KEY, NONE, RECORD, RecordIndex, RowError, VALUE};

/// A Kafka record, as far as it becomes a row.
#[derive(Clone, Debug, Default)]
pub struct SourceRecord<'a> {
    /// Its place in its record batch.
    pub index: RecordIndex,
    /// The partition that it was sent to.
    pub partition: i32,
    /// Its offset in the partition, where that is known already; see `Pipeline::needs_offsets`.
    pub offset: i64,
    /// Its timestamp, in milliseconds since 1970-01-01T00:00:00Z.
    pub timestamp_ms: i64,
    /// When it arrived, in milliseconds since 1970-01-01T00:00:00Z.
    pub arrival_ms: i64,
    /// Its key, where it has one.
    pub key: Option<&'a [u8]>,
    /// Its value; None is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Its headers.
    pub headers: Headers<'a>,
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It is the block's last row.
    Row,
    /// It is a tombstone, or its value has no bytes, and nothing is written for it.
    Skipped,
}

impl Plan {
    /// Appends a record to a block, as a row. A record that cannot become one leaves no trace in the block.
    pub fn append(&self, record: &SourceRecord<'_>, block: &mut BlockBuilder) -> Result<Appended, RowError> {
        let Some(value) = record.value.filter(|value| !self.is_nothing(value)) else {
            return self.skip(record);
        };
        self.attempt(record, block, |row| row.append(record, value, None))
    }

    /// Whether there is no row for a value that is read in place.
    #[inline]
    pub(super) fn is_nothing(&self, value: &[u8]) -> bool {
        match self.value {
            InPlace::Auto => value.is_empty(),
            InPlace::Text => false,
            InPlace::Json => json::is_null(value),
        }
    }

    /// Writes nothing. A key that is not what its format says is bad all the same.
    #[cold]
    fn skip(&self, record: &SourceRecord<'_>) -> Result<Appended, RowError> {
        if self.key == InPlace::Json
            && let Some(key) = record.key
            && let Err(refusal) = self.check_key(key)
        {
            return Err(row_error(record, self.value, refusal));
        }
        Ok(Appended::Skipped)
    }
}

/// What an object in a record is.
pub(super) enum Child {
    /// Columns, by its number among the objects.
    Object(u32),
    /// It stands where the designated timestamp belongs, or one of its parts, by its number.
    Timestamp(u32),
}

/// One attempt at a row.
pub(super) struct Row<'p, 'b> {
    pub plan: &'p Plan,
    pub block: &'b mut BlockBuilder,
    /// The designated timestamp, where it comes from a field and that has been met; in the table's unit.
    pub timestamp: Option<i64>,
    /// The texts that make the designated timestamp, as far as they have been met; empty where none has.
    pub timestamp_parts: Vec<Option<Box<str>>>,
    /// Whether the record's key is being read, and not its value.
    pub in_key: bool,
    /// How many columns have a value.
    pub values: usize,
    /// Whether a payload's fields are to be read in any order: those of this one are not in that of its schema.
    pub in_any_order: bool,
}

impl<'p, 'b> Row<'p, 'b> {
    pub(super) fn new(plan: &'p Plan, block: &'b mut BlockBuilder) -> Self {
        Self {
            plan,
            block,
            timestamp: None,
            timestamp_parts: Vec::new(),
            in_key: false,
            values: 0,
            in_any_order: false,
        }
    }

    pub(super) fn append(
        mut self,
        record: &SourceRecord<'_>,
        value: &[u8],
        superseded: Option<&Superseded>,
    ) -> Result<(), Refusal> {
        self.block.begin()?;
        if let Some(key) = record.key {
            if self.plan.config.include_key {
                self.in_key = true;
                self.key(key, superseded.map(|superseded| &superseded.key))?;
                self.in_key = false;
            } else if self.plan.key == InPlace::Json {
                self.plan.check_key(key)?;
            }
        }
        self.plain_value(value, superseded.map(|superseded| &superseded.value))?;
        self.end(record)
    }

    /// A value that is read in place, and by no schema.
    #[inline(always)]
    pub(super) fn plain_value(
        &mut self,
        value: &[u8],
        superseded: Option<&HashSet<usize>>,
    ) -> Result<(), Refusal> {
        let plan = self.plan;
        match plan.value {
            InPlace::Auto if json::looks_like_object(value) => {
                let mut scanner = Scanner::new(value);
                self.object(&mut scanner, VALUE, superseded)?;
                scanner.end()?;
            }
            InPlace::Auto => {
                std::str::from_utf8(value).map_err(|_| {
                    Refusal::of_column(
                        plan.value_column.as_str(),
                        format!(
                            "the record's value is not UTF-8: `{}`; set `format` for the topic to what it is, such as \
                             \"raw\"",
                            cut(value)
                        ),
                    )
                })?;
                self.record_text(&plan.value_column, value)?;
            }
            InPlace::Json => self.document(VALUE, &plan.value_column, value, superseded)?,
            InPlace::Text => self.replaced_text(&plan.value_column, value)?,
        }
        Ok(())
    }

    /// Ends a row that was read in place.
    #[inline(always)]
    pub(super) fn end(&mut self, record: &SourceRecord<'_>) -> Result<(), Refusal> {
        if self.plan.adds_to_rows {
            let mut headers = record.headers.clone().map(|(name, value)| (name, header_value(value)));
            self.complete(record, &mut headers)?;
        }
        self.finish(record, None)
    }

    /// JSON of any kind: an object's fields are columns, anything else is one.
    #[inline(never)]
    fn document(
        &mut self,
        object: u32,
        column: &str,
        bytes: &[u8],
        superseded: Option<&HashSet<usize>>,
    ) -> Result<(), Refusal> {
        let mut scanner = Scanner::new(bytes);
        if scanner.value_start()? == b'{' {
            self.object(&mut scanner, object, superseded)?;
        } else if object == VALUE
            && scanner.value_start()? == b'['
            && self.plan.config.top_level_array == TopLevelArray::Refuse
        {
            return Err(Refusal::of_row(
                "the value is an array, which `top_level_array` refuses; with `top_level_array = \"rows\"` each of its \
                 elements is a row",
            ));
        } else {
            let name = self.block.paths.find(RECORD, column, NONE).ok_or_else(too_many_names)?;
            self.member(&mut scanner, name, superseded)?;
        }
        Ok(scanner.end()?)
    }

    /// A text as Kafka's StringDeserializer reads it: what is not UTF-8 is replaced.
    fn replaced_text(&mut self, name: &str, text: &[u8]) -> Result<(), Refusal> {
        self.record_text(name, String::from_utf8_lossy(text).as_bytes())
    }

    /// Ends the row. The payload itself may have the designated timestamp.
    #[inline]
    pub(super) fn finish(
        &mut self,
        record: &SourceRecord<'_>,
        designated: Option<Timestamp>,
    ) -> Result<(), Refusal> {
        let (timestamp, substitute) = match (self.timestamp, &self.plan.timestamp, designated) {
            (Some(timestamp), ..) => (timestamp, false),
            (None, None, None) => (self.timestamp_of_record(self.plan.time_ms(record))?, false),
            (None, None, Some(time)) => (self.timestamp_of_payload(time)?, false),
            (None, Some(_), _) => self.timestamp_without_field(record)?,
        };
        if self.values == 0 {
            return Err(Refusal::of_row(
                "the record has no value for any column, and QuestDB takes no row of a timestamp alone; send at least \
                 one field that is not null",
            ));
        }
        self.block.commit(timestamp, record.index);
        if substitute {
            self.block.note_substitute();
        }
        Ok(())
    }

    pub(super) fn key(&mut self, key: &[u8], superseded: Option<&HashSet<usize>>) -> Result<(), Refusal> {
        let plan = self.plan;
        match plan.key {
            InPlace::Auto => {}
            InPlace::Text => return self.replaced_text(&plan.key_column, key),
            InPlace::Json if json::is_null(key) => return Ok(()),
            InPlace::Json => {
                return self.document(KEY, &plan.key_column, key, superseded).map_err(
                    |refusal| match refusal {
                        refusal if plan.replaces_halves_of(key, &refusal) => refusal,
                        Refusal::Json(error) => bad_key(key, &error),
                        Refusal::Text(bad) => bad_key(key, &bad.error),
                        refusal => refusal,
                    },
                );
            }
        }
        if !json::looks_like_object(key) {
            std::str::from_utf8(key).map_err(|_| {
                Refusal::of_column(
                    self.plan.key_column.as_str(),
                    format!(
                        "the record's key is not UTF-8: `{}`; set `include_key = false` for the topic where keys need \
                         not be in the table",
                        cut(key)
                    ),
                )
            })?;
            let plan = self.plan;
            return self.record_text(&plan.key_column, key);
        }
        let mut scanner = Scanner::new(key);
        let read = self.object(&mut scanner, KEY, superseded).and_then(|()| Ok(scanner.end()?));
        let bad = |error: JsonError| {
            Refusal::of_row(format!(
                "the record's key starts with `{{` but is not valid JSON: {error}; the key is `{}`; set \
                 `include_key = false` for the topic where keys need not be in the table",
                cut(key)
            ))
        };
        read.map_err(|refusal| match refusal {
            refusal if plan.replaces_halves_of(key, &refusal) => refusal,
            Refusal::Json(error) => bad(error),
            Refusal::Text(text) => bad(text.error),
            refusal => refusal,
        })
    }

    /// A key or a value that is a text of its own.
    fn record_text(&mut self, name: &str, text: &[u8]) -> Result<(), Refusal> {
        let name = self.block.paths.find(RECORD, name, NONE).ok_or_else(too_many_names)?;
        self.text(name, text)
    }

    pub(super) fn object(
        &mut self,
        scanner: &mut Scanner<'_>,
        object: u32,
        superseded: Option<&HashSet<usize>>,
    ) -> Result<(), Refusal> {
        self.members(scanner, object, superseded, |row, scanner, name| row.member(scanner, name, superseded))
    }

    /// Reads the fields of an object, each value by `member`. Those that are superseded are left out.
    #[inline(always)]
    pub(super) fn members<E: From<Refusal> + From<JsonError>>(
        &mut self,
        scanner: &mut Scanner<'_>,
        object: u32,
        superseded: Option<&HashSet<usize>>,
        mut member: impl FnMut(&mut Self, &mut Scanner<'_>, u32) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut more = scanner.first_member()?;
        let mut previous = NONE;
        let mut expected = self.block.paths.first(object);
        while more {
            let start = scanner.offset();
            let name = self.member_name(scanner, object, previous, expected)?;
            if superseded.is_some_and(|superseded| superseded.contains(&start)) {
                scanner.skip_value()?;
            } else {
                if !self.block.paths.meet(name, self.block.attempt) {
                    return Err(Refusal::DuplicateMember.into());
                }
                member(self, scanner, name)?;
            }
            previous = name;
            expected = self.block.paths.next(name);
            more = scanner.next_member()?;
        }
        Ok(())
    }

    /// Reads a field's name, and the colon behind it.
    #[inline(always)]
    fn member_name(
        &mut self,
        scanner: &mut Scanner<'_>,
        object: u32,
        previous: u32,
        expected: u32,
    ) -> Result<u32, Refusal> {
        let name = match self.block.paths.expected(expected) {
            Some(bytes) if scanner.take_name(bytes) => expected,
            _ => self.unexpected_name(scanner, object, previous)?,
        };
        scanner.colon()?;
        Ok(name)
    }

    /// Reads the value of a field. Inlined also where a document is not an object, so that this second place does not
    /// cost the first one its inlining.
    #[inline(always)]
    pub(super) fn member(
        &mut self,
        scanner: &mut Scanner<'_>,
        name: u32,
        superseded: Option<&HashSet<usize>>,
    ) -> Result<(), Refusal> {
        match scanner.value_start()? {
            b'"' => {
                let text = scanner.string().map_err(|error| self.bad_text(name, error))?;
                match text.plain() {
                    Some(plain) => self.text(name, plain),
                    None => {
                        let mut unescaped = std::mem::take(&mut self.block.text);
                        unescaped.clear();
                        text.unescape_into(&mut unescaped);
                        let done = self.text(name, &unescaped);
                        self.block.text = unescaped;
                        done
                    }
                }
            }
            b'-' | b'0'..=b'9' => {
                let number = scanner.number()?;
                self.number(name, &number)
            }
            b't' => {
                scanner.word(b"true")?;
                self.boolean(name, true)
            }
            b'f' => {
                scanner.word(b"false")?;
                self.boolean(name, false)
            }
            b'n' => {
                scanner.word(b"null")?;
                if self.plan.judges_nulls { self.null(name) } else { Ok(()) }
            }
            b'{' => match self.child(name) {
                Child::Object(child) => self.object(scanner, child, superseded),
                Child::Timestamp(part) => {
                    let start = scanner.offset();
                    scanner.skip_value()?;
                    Err(self.no_timestamp(part, "an object", scanner.since(start)))
                }
            },
            b'[' => self.array(name, scanner),
            _ => Err(scanner.expected_value().into()),
        }
    }

    /// What an object is whose name is met. Its fields would be columns, so it is no time itself.
    #[inline]
    pub(super) fn child(&mut self, name: u32) -> Child {
        match self.block.paths.known_child(name) {
            Some(child) => Child::Object(child),
            None => self.new_child(name),
        }
    }

    #[cold]
    fn new_child(&mut self, name: u32) -> Child {
        match self.timestamp_part(name) {
            Some(part) => Child::Timestamp(part),
            None => Child::Object(self.block.paths.child(name)),
        }
    }

    /// Why a document is no JSON, with the column that is to blame where a text is.
    #[cold]
    pub(super) fn bad_text(&self, name: u32, error: JsonError) -> Refusal {
        if error.kind.is_of_text() {
            Refusal::Text(Box::new(BadText { column: self.block.paths.field_name(name).into(), error }))
        } else {
            Refusal::Json(error)
        }
    }

    fn unexpected_name(
        &mut self,
        scanner: &mut Scanner<'_>,
        object: u32,
        previous: u32,
    ) -> Result<u32, Refusal> {
        let text = scanner.string_after_quote()?;
        let mut unescaped = Vec::new();
        let bytes = match text.plain() {
            Some(plain) => plain,
            None => {
                text.unescape_into(&mut unescaped);
                &unescaped
            }
        };
        let name = std::str::from_utf8(bytes).unwrap_or_default();
        self.block.paths.find(object, name, previous).ok_or_else(too_many_names)
    }
}

/// A header is text where it is UTF-8, and bytes elsewhere.
pub(super) fn header_value(value: Option<&[u8]>) -> Value {
    match value.map(|bytes| (bytes, std::str::from_utf8(bytes))) {
        None => Value::Null,
        Some((_, Ok(text))) => Value::Text(text.to_owned()),
        Some((bytes, Err(_))) => Value::Bytes(bytes.to_vec()),
    }
}

#[cold]
pub(super) fn too_many_names() -> Refusal {
    Refusal::of_row(
        "the records of the batch have more than 10,000 different field names, as when names are made of data; send such \
         data as values, or smaller batches",
    )
}
