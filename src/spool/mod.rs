//! The spool: record batches on local disk that QuestDB does not have yet.
//!
//! A batch is appended, synced together with whatever else has come meanwhile, and acknowledged. Whoever drains reads
//! the entries in order, writes them to QuestDB and says which are done; what is done is forgotten, segment by segment.
//!
//! | file | what it holds |
//! |---|---|
//! | `00000000000000000001.segment` | entries from this number on, see [`entry`]; preallocated, so that a full disk is found out before anything is acknowledged |
//! | `checkpoint` | which entries are done; replaced as a whole |
//! | `done` | which entries are done since then, not synced: a crash of the process does not undo it, see [`notes`] |
//! | `damaged-…` | bytes that are no entries where entries should be: kept, never used |
//! | `lock` | held by the one process that uses the folder |
//!
//! What is not known to be on the disk is never acknowledged: after an error of `write` or `fsync` the spool takes
//! nothing more until it is opened again, because nobody can say what the pages that could not be written hold.

mod checkpoint;
mod entry;
mod folder;
mod log;
mod notes;
mod recovery;
mod segment;
mod writer;

#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod faulty;

pub use checkpoint::CheckpointFault;
pub use entry::{Entry, EntryHead};
pub use folder::{Folder, OnDisk, StoredFile};
pub use log::{Location, LogOptions, SpoolError};
pub use recovery::{Damage, Recovered};
pub use writer::{Appended, NewEntry, Spool};
