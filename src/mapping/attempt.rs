//! Attempts at a row. What is rare in a record is found out when the first attempt has failed, so that it costs the other
//! records nothing: names that come twice in an object, and halves of surrogate pairs.

use std::collections::HashSet;

use super::plan::{InPlace, Plan};
use super::record::{Appended, Row, SourceRecord};
use super::refusal::{Refusal, cut};
use crate::config::LoneSurrogates;
use crate::decode::json::{self, JsonError, Scanner};
use crate::rows::{BlockBuilder, RowError};

impl Plan {
    /// Appends what an attempt makes a row of.
    pub(super) fn attempt(
        &self,
        record: &SourceRecord<'_>,
        block: &mut BlockBuilder,
        attempt: impl FnOnce(Row<'_, '_>) -> Result<(), Refusal>,
    ) -> Result<Appended, RowError> {
        self.take_up(record, block)?;
        let mut outcome = attempt(Row::new(self, block));
        if let (Err(Refusal::DuplicateMember), Some(value)) = (&outcome, record.value) {
            outcome = self.without_superseded(record, value, block);
        }
        if let Err(refusal) = &outcome
            && let Some((key, value)) = self.without_halves(refusal, record)
        {
            let record = SourceRecord { key: key.as_deref(), value: Some(&value), ..record.clone() };
            block.rollback();
            outcome = match Row::new(self, block).append(&record, &value, None) {
                Err(Refusal::DuplicateMember) => self.without_superseded(&record, &value, block),
                outcome => outcome,
            };
        }
        match outcome {
            Ok(()) => Ok(Appended::Row),
            Err(refusal) => {
                block.rollback();
                Err(row_error(record, self.value, refusal))
            }
        }
    }

    /// Sees that a block is of this plan.
    #[inline]
    pub(super) fn take_up(
        &self,
        record: &SourceRecord<'_>,
        block: &mut BlockBuilder,
    ) -> Result<(), RowError> {
        if block.plan != self.id {
            if block.rows() > 0 {
                return Err(RowError {
                    record: record.index,
                    column: None,
                    message: "the block was begun by another plan; this is an error in quafka".to_owned(),
                });
            }
            *block = self.block_builder();
        }
        Ok(())
    }

    /// Another attempt, without the members of objects that later ones of the same name replace.
    #[cold]
    fn without_superseded(
        &self,
        record: &SourceRecord<'_>,
        value: &[u8],
        block: &mut BlockBuilder,
    ) -> Result<(), Refusal> {
        block.rollback();
        let superseded = Superseded::of(record.key, value, self.value)?;
        Row::new(self, block).append(record, value, Some(&superseded))
    }

    /// The key and the value with `?` for each half of a surrogate pair, where that is wanted and changes something.
    #[cold]
    pub(super) fn without_halves(
        &self,
        refusal: &Refusal,
        record: &SourceRecord<'_>,
    ) -> Option<(Option<Vec<u8>>, Vec<u8>)> {
        if !refusal.is_of_text() || self.config.lone_surrogates != LoneSurrogates::Replace {
            return None;
        }
        let replaced = |read: InPlace, bytes: &[u8]| match read {
            InPlace::Json => json::without_lone_surrogates(bytes),
            InPlace::Auto if json::looks_like_object(bytes) => json::without_lone_surrogates(bytes),
            InPlace::Auto | InPlace::Text => None,
        };
        let (key, value) = (record.key, record.value?);
        let (new_key, new_value) = (key.and_then(|key| replaced(self.key, key)), replaced(self.value, value));
        let changes = new_key.is_some() || new_value.is_some();
        changes.then(|| (new_key.or(key.map(<[u8]>::to_vec)), new_value.unwrap_or_else(|| value.to_vec())))
    }

    /// Whether a key that is not written is JSON all the same: it is what its topic's settings promise.
    pub(super) fn check_key(&self, key: &[u8]) -> Result<(), Refusal> {
        let check = |key: &[u8]| {
            let mut scanner = Scanner::new(key);
            scanner.skip_value().and_then(|()| scanner.end())
        };
        match check(key) {
            Err(_) if json::is_null(key) => Ok(()),
            Err(error) if self.replaces_halves_of(key, &error.into()) => {
                check(&json::without_lone_surrogates(key).unwrap_or_default())
                    .map_err(|error| bad_key(key, &error))
            }
            checked => checked.map_err(|error| bad_key(key, &error)),
        }
    }

    /// Whether a key that is no JSON becomes some without the halves of surrogate pairs in it.
    #[cold]
    pub(super) fn replaces_halves_of(&self, key: &[u8], refusal: &Refusal) -> bool {
        refusal.is_of_text()
            && self.config.lone_surrogates == LoneSurrogates::Replace
            && json::without_lone_surrogates(key).is_some()
    }
}

#[cold]
pub(super) fn row_error(record: &SourceRecord<'_>, read: InPlace, refusal: Refusal) -> RowError {
    let value = record.value.unwrap_or_default();
    let (column, message) = match refusal {
        Refusal::Row(reason) => (reason.column, reason.message),
        Refusal::Json(error) => (None, not_json(value, read, &error)),
        Refusal::Text(bad) => {
            let message = format!("field {}: {}", bad.column, not_json(value, read, &bad.error));
            (Some(bad.column), message)
        }
        Refusal::DuplicateMember => (None, "the value names a field twice".to_owned()),
        Refusal::OutOfOrder => (None, "the value's fields are not in order".to_owned()),
    };
    RowError { record: record.index, column, message }
}

fn not_json(value: &[u8], read: InPlace, error: &JsonError) -> String {
    let start = value.get(..error.offset).map_or(0, |before| before.len().saturating_sub(20));
    let near = cut(value.get(start..).unwrap_or_default());
    let starts = if read == InPlace::Json { "" } else { "starts with `{` but " };
    format!("the value {starts}is not valid JSON: {error}, near `{near}`")
}

/// The members of a record's objects that later ones of the same name replace.
pub(super) struct Superseded {
    pub key: HashSet<usize>,
    pub value: HashSet<usize>,
}

impl Superseded {
    pub fn of(key: Option<&[u8]>, value: &[u8], read: InPlace) -> Result<Self, JsonError> {
        let of = |document: &[u8]| match json::looks_like_object(document) {
            true => json::superseded_members(document),
            false => Ok(HashSet::new()),
        };
        let value = if read == InPlace::Text { HashSet::new() } else { of(value)? };
        // A key that is not JSON is reported as such when it is read again.
        Ok(Self { key: of(key.unwrap_or_default()).unwrap_or_default(), value })
    }
}

#[cold]
pub(super) fn bad_key(key: &[u8], error: &JsonError) -> Refusal {
    Refusal::of_row(format!(
        "the record's key is not valid JSON, which `key_format` says: {error}; the key is `{}`; set \
         `key_format = \"auto\"` for the topic where keys are something else",
        cut(key)
    ))
}
