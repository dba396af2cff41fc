//! Records whose key or value is read by a schema of its own, in place.

use std::collections::HashSet;

use super::attempt::{Superseded, row_error};
use super::json_schema;
use super::pipeline::{SchemasOf, unreadable};
use super::plan::{InPlace, Plan};
use super::record::{Appended, Row, SourceRecord};
use super::refusal::Refusal;
use super::typed::Fault;
use crate::config::LoneSurrogates;
use crate::decode::{BySchema, Schema, SchemaView, json};
use crate::rows::{BlockBuilder, KEY, RowError, VALUE};

impl Plan {
    /// Appends a record to a block, as a row. A record that cannot become one leaves no trace in the block.
    #[inline]
    pub(super) fn append_by_schema(
        &self,
        record: &SourceRecord<'_>,
        found: &SchemasOf<'_, '_>,
        schemas: &SchemaView<'_>,
        block: &mut BlockBuilder,
    ) -> Result<Appended, RowError> {
        self.take_up(record, block)?;
        let mut outcome = self.attempt_by_schema(record, found, schemas, block);
        if let Err(refusal) = &outcome
            && let Some(replaced) = self.with_replaced_halves(refusal, record, found, schemas)
        {
            block.rollback();
            outcome = replaced.attempt(|record, found| self.attempt_by_schema(record, found, schemas, block));
        }
        match outcome {
            Ok(appended) => Ok(appended),
            Err(refusal) => {
                block.rollback();
                Err(row_error(record, self.value, refusal))
            }
        }
    }

    #[inline]
    fn attempt_by_schema(
        &self,
        record: &SourceRecord<'_>,
        found: &SchemasOf<'_, '_>,
        schemas: &SchemaView<'_>,
        block: &mut BlockBuilder,
    ) -> Result<Appended, Refusal> {
        match Row::new(self, block).by_schema(record, found, schemas, None) {
            Err(rare @ (Refusal::DuplicateMember | Refusal::OutOfOrder)) => {
                self.attempt_again(rare, record, found, schemas, block)
            }
            outcome => outcome,
        }
    }

    /// More attempts, until nothing that is rare ends one: each thing does so once.
    #[cold]
    #[inline(never)]
    fn attempt_again(
        &self,
        mut rare: Refusal,
        record: &SourceRecord<'_>,
        found: &SchemasOf<'_, '_>,
        schemas: &SchemaView<'_>,
        block: &mut BlockBuilder,
    ) -> Result<Appended, Refusal> {
        let mut superseded = None;
        let mut in_any_order = false;
        loop {
            block.rollback();
            match rare {
                Refusal::DuplicateMember if superseded.is_none() => {
                    let key = json_of(found.key.as_ref(), record.key, schemas);
                    let value = json_of(found.value.as_ref(), record.value, schemas);
                    superseded = Some(Superseded::of(key, value.unwrap_or_default(), self.value)?);
                }
                Refusal::OutOfOrder if !in_any_order => {
                    in_any_order = true;
                    block.out_of_order += 1;
                }
                other => return Err(other),
            }
            let mut row = Row::new(self, block);
            row.in_any_order = in_any_order;
            match row.by_schema(record, found, schemas, superseded.as_ref()) {
                Err(again @ (Refusal::DuplicateMember | Refusal::OutOfOrder)) => rare = again,
                outcome => return outcome,
            }
        }
    }

    /// The record with `?` for each half of a surrogate pair in JSON, where that is wanted and changes something.
    #[cold]
    fn with_replaced_halves<'r>(
        &self,
        refusal: &Refusal,
        record: &'r SourceRecord<'r>,
        found: &'r SchemasOf<'r, 'r>,
        schemas: &SchemaView<'_>,
    ) -> Option<Replaced<'r>> {
        if !refusal.is_of_text() || self.config.lone_surrogates != LoneSurrogates::Replace {
            return None;
        }
        let replaced = |part: Option<&BySchema<'_, '_>>| {
            let part = part.filter(|part| schemas.schema(part).is_some_and(Schema::is_of_json))?;
            json::without_lone_surrogates(part.body)
        };
        let bodies = (replaced(found.key.as_ref()), replaced(found.value.as_ref()));
        let plain = self.without_halves(refusal, record);
        (bodies.0.is_some() || bodies.1.is_some() || plain.is_some()).then_some(Replaced {
            record,
            found,
            bodies,
            plain,
        })
    }
}

/// A record of which parts have been replaced.
struct Replaced<'r> {
    record: &'r SourceRecord<'r>,
    found: &'r SchemasOf<'r, 'r>,
    /// What is read by a schema.
    bodies: (Option<Vec<u8>>, Option<Vec<u8>>),
    /// What is not.
    plain: Option<(Option<Vec<u8>>, Vec<u8>)>,
}

impl Replaced<'_> {
    fn attempt<T>(&self, attempt: impl FnOnce(&SourceRecord<'_>, &SchemasOf<'_, '_>) -> T) -> T {
        let Self { record, found, bodies, plain } = self;
        let (key, value) = match plain {
            Some((key, value)) => (key.as_deref(), Some(value.as_slice())),
            None => (record.key, record.value),
        };
        let record = SourceRecord {
            key: if found.key.is_some() { record.key } else { key },
            value: if found.value.is_some() { record.value } else { value },
            ..(*record).clone()
        };
        let found = SchemasOf {
            key: found.key.map(|key| key.with_body(bodies.0.as_deref())),
            value: found.value.map(|value| value.with_body(bodies.1.as_deref())),
        };
        attempt(&record, &found)
    }
}

impl Row<'_, '_> {
    #[inline(always)]
    fn by_schema(
        mut self,
        record: &SourceRecord<'_>,
        found: &SchemasOf<'_, '_>,
        schemas: &SchemaView<'_>,
        superseded: Option<&Superseded>,
    ) -> Result<Appended, Refusal> {
        self.block.begin()?;
        let plan = self.plan;
        let is_nothing = match (&found.value, record.value) {
            (Some(value), _) => is_null(value, schemas),
            (None, Some(value)) => plan.is_nothing(value),
            (None, None) => true,
        };
        let write_key = plan.config.include_key && !is_nothing;
        self.in_key = true;
        match (&found.key, record.key) {
            (Some(key), _) if !write_key => self.check(record, key, schemas)?,
            (Some(key), _) if is_null(key, schemas) => {}
            (Some(key), _) => self.key_by_schema(record, key, schemas, superseded)?,
            (None, Some(key)) if write_key => self.key(key, superseded.map(|superseded| &superseded.key))?,
            (None, Some(key)) if plan.key == InPlace::Json => plan.check_key(key)?,
            (None, _) => {}
        }
        self.in_key = false;
        match (&found.value, record.value) {
            _ if is_nothing => return Ok(Appended::Skipped),
            (Some(value), _) => {
                self.payload(record, value, schemas, VALUE, superseded.map(|superseded| &superseded.value))?;
            }
            (None, value) => {
                let superseded = superseded.map(|superseded| &superseded.value);
                self.plain_value(value.unwrap_or_default(), superseded)?;
            }
        }
        self.end(record)?;
        Ok(Appended::Row)
    }

    #[inline(never)]
    fn key_by_schema(
        &mut self,
        record: &SourceRecord<'_>,
        key: &BySchema<'_, '_>,
        schemas: &SchemaView<'_>,
        superseded: Option<&Superseded>,
    ) -> Result<(), Refusal> {
        self.payload(record, key, schemas, KEY, superseded.map(|superseded| &superseded.key))
    }

    /// A key or a value.
    #[inline(always)]
    fn payload(
        &mut self,
        record: &SourceRecord<'_>,
        payload: &BySchema<'_, '_>,
        schemas: &SchemaView<'_>,
        object: u32,
        superseded: Option<&HashSet<usize>>,
    ) -> Result<(), Refusal> {
        let Some(schema) = schemas.schema(payload) else { return Ok(()) };
        match schema {
            Schema::Avro(schema) => self
                .avro(schema, payload.body, object)
                .map_err(|fault| self.refusal(record, payload, schemas, fault)),
            Schema::Protobuf(schema) => self
                .protobuf(schema, payload.message, payload.body, object)
                .map_err(|fault| self.refusal(record, payload, schemas, fault)),
            Schema::Json(schema) => self
                .json_schema(schema, payload.body, object, superseded)
                .map_err(|fault| self.bad_json(record, payload, schemas, fault)),
        }
    }

    #[cold]
    fn refusal<E: std::fmt::Display>(
        &self,
        record: &SourceRecord<'_>,
        payload: &BySchema<'_, '_>,
        schemas: &SchemaView<'_>,
        fault: Fault<E>,
    ) -> Refusal {
        match fault {
            Fault::Refused(refusal) => refusal,
            Fault::Misread(error) => self.misread(record, payload, schemas, None, &error),
        }
    }

    /// A key that is not written, and has to be what its format says all the same.
    #[cold]
    fn check(
        &self,
        record: &SourceRecord<'_>,
        payload: &BySchema<'_, '_>,
        schemas: &SchemaView<'_>,
    ) -> Result<(), Refusal> {
        let checked = match (schemas.read(payload), self.replaced_json(payload, schemas)) {
            (Err(_), Some(replaced)) => schemas.read(&payload.with_body(Some(&replaced))),
            (checked, _) => checked,
        };
        match checked {
            Ok(_) => Ok(()),
            Err(error) => Err(self.misread(record, payload, schemas, None, &error)),
        }
    }

    /// A payload without the halves of surrogate pairs that are in it, where that is wanted.
    fn replaced_json(&self, payload: &BySchema<'_, '_>, schemas: &SchemaView<'_>) -> Option<Vec<u8>> {
        let is_of_json = schemas.schema(payload).is_some_and(Schema::is_of_json);
        let wanted = is_of_json && self.plan.config.lone_surrogates == LoneSurrogates::Replace;
        if wanted { json::without_lone_surrogates(payload.body) } else { None }
    }

    #[cold]
    fn bad_json(
        &self,
        record: &SourceRecord<'_>,
        payload: &BySchema<'_, '_>,
        schemas: &SchemaView<'_>,
        fault: json_schema::Fault,
    ) -> Refusal {
        let (column, fault) = match fault {
            json_schema::Fault::Misread(column, fault) => (column, fault),
            json_schema::Fault::Refused(refusal) => match refusal {
                // It is tried again.
                refusal if refusal.is_of_text() && self.replaced_json(payload, schemas).is_some() => {
                    return refusal;
                }
                Refusal::Json(error) => (None, error.into()),
                Refusal::Text(bad) => (Some(bad.column.to_string()), bad.error.into()),
                refusal => return refusal,
            },
        };
        self.misread(record, payload, schemas, column, &fault)
    }

    #[cold]
    fn misread(
        &self,
        record: &SourceRecord<'_>,
        payload: &BySchema<'_, '_>,
        schemas: &SchemaView<'_>,
        column: Option<String>,
        error: &dyn std::fmt::Display,
    ) -> Refusal {
        let config = &self.plan.config;
        let (part, format, bytes) = if self.in_key {
            ("key", config.key_format, record.key)
        } else {
            ("value", config.format, record.value)
        };
        let reason = format!("by {}, {error}", schemas.name(payload));
        let message = unreadable(part, format, &reason, bytes.unwrap_or_default());
        match column {
            Some(column) => Refusal::of_column(column, message),
            None => Refusal::of_row(message),
        }
    }
}

/// Whether a payload is null, as a whole.
#[inline]
fn is_null(payload: &BySchema<'_, '_>, schemas: &SchemaView<'_>) -> bool {
    schemas.schema(payload).is_none_or(|schema| schema.is_null(payload.body))
}

/// The JSON that a key or a value is. None: it is read by a schema that is not one for JSON.
fn json_of<'r>(
    found: Option<&BySchema<'_, 'r>>,
    bytes: Option<&'r [u8]>,
    schemas: &SchemaView<'_>,
) -> Option<&'r [u8]> {
    match found {
        Some(part) => schemas.schema(part).is_some_and(Schema::is_of_json).then_some(part.body),
        None => bytes,
    }
}
