//! Records whose key or value is read by a schema of its own, in place.

use super::attempt::{Superseded, row_error};
use super::pipeline::{SchemasOf, unreadable};
use super::plan::{InPlace, Plan};
use super::record::{Appended, Row, SourceRecord};
use super::refusal::Refusal;
use super::typed::Fault;
use crate::decode::{BySchema, Schema, SchemaView};
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
            && let Some((key, value)) = self.without_halves(refusal, record)
        {
            // Only what no schema reads is JSON.
            let record = SourceRecord {
                key: if found.key.is_some() { record.key } else { key.as_deref() },
                value: if found.value.is_some() { record.value } else { Some(&value) },
                ..record.clone()
            };
            block.rollback();
            outcome = self.attempt_by_schema(&record, found, schemas, block);
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
            Err(Refusal::DuplicateMember) => {
                block.rollback();
                let value = if found.value.is_some() { b"" } else { record.value.unwrap_or_default() };
                let superseded = Superseded::of(record.key, value, self.value)?;
                Row::new(self, block).by_schema(record, found, schemas, Some(&superseded))
            }
            outcome => outcome,
        }
    }
}

impl Row<'_, '_> {
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
            (Some(key), _) => self.payload(record, key, schemas, KEY)?,
            (None, Some(key)) if write_key => self.key(key, superseded.map(|superseded| &superseded.key))?,
            (None, Some(key)) if plan.key == InPlace::Json => plan.check_key(key)?,
            (None, _) => {}
        }
        self.in_key = false;
        match (&found.value, record.value) {
            _ if is_nothing => return Ok(Appended::Skipped),
            (Some(value), _) => self.payload(record, value, schemas, VALUE)?,
            (None, value) => {
                let superseded = superseded.map(|superseded| &superseded.value);
                self.plain_value(value.unwrap_or_default(), superseded)?;
            }
        }
        self.end(record)?;
        Ok(Appended::Row)
    }

    /// A key or a value.
    #[inline]
    fn payload(
        &mut self,
        record: &SourceRecord<'_>,
        payload: &BySchema<'_, '_>,
        schemas: &SchemaView<'_>,
        object: u32,
    ) -> Result<(), Refusal> {
        let Some(schema) = schemas.schema(payload) else { return Ok(()) };
        match schema {
            Schema::Avro(schema) => self
                .avro(schema, payload.body, object)
                .map_err(|fault| self.refusal(record, payload, schemas, fault)),
            Schema::Protobuf(schema) => self
                .protobuf(schema, payload.message, payload.body, object)
                .map_err(|fault| self.refusal(record, payload, schemas, fault)),
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
            Fault::Misread(error) => self.misread(record, payload, schemas, &error),
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
        match schemas.read(payload) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.misread(record, payload, schemas, &error)),
        }
    }

    #[cold]
    fn misread(
        &self,
        record: &SourceRecord<'_>,
        payload: &BySchema<'_, '_>,
        schemas: &SchemaView<'_>,
        error: &dyn std::fmt::Display,
    ) -> Refusal {
        let config = &self.plan.config;
        let (part, format, bytes) = if self.in_key {
            ("key", config.key_format, record.key)
        } else {
            ("value", config.format, record.value)
        };
        let reason = format!("by {}, {error}", schemas.name(payload));
        Refusal::of_row(unreadable(part, format, &reason, bytes.unwrap_or_default()))
    }
}

/// Whether a payload is null, as a whole.
#[inline]
fn is_null(payload: &BySchema<'_, '_>, schemas: &SchemaView<'_>) -> bool {
    match schemas.schema(payload) {
        Some(Schema::Avro(schema)) => schema.is_null(payload.body),
        // No bytes are a message whose fields are all as they are by default.
        Some(Schema::Protobuf(_)) => false,
        None => true,
    }
}
