//! What idempotent producers sent to lives of this gateway before: a batch whose acknowledgement was lost in a crash is
//! answered and not written again.
//!
//! With a data dir each committed batch is a line in a file before its producer hears of it. The file is not synced: it
//! outlives the process, and a power cut costs no more than that a copy is written twice. Two files take turns, so
//! that they do not grow.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::producers::Sequence;

const FILE_NAME: &str = "producers.jsonl";
const OLDER_FILE_NAME: &str = "producers-older.jsonl";
/// After it the files take turns: some 100,000 batches are remembered in each.
const FILE_BYTES: u64 = 8 << 20;

/// A topic's partition.
pub type Place = (Arc<str>, i32);

/// A batch that was committed before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Which of its producer's it was.
    pub sequence: Sequence,
    /// The first record's offset.
    pub base_offset: i64,
}

/// The batches of lives before this one, and the file for this one's.
#[derive(Debug, Default)]
pub struct History {
    before: HashMap<Place, Vec<Committed>>,
    file: Option<Mutex<Journal>>,
}

#[derive(Debug)]
struct Journal {
    folder: PathBuf,
    file: File,
    bytes: u64,
    /// Said once: the disk does not take it.
    failed: bool,
}

#[derive(Serialize, Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    topic: std::borrow::Cow<'a, str>,
    partition: i32,
    producer_id: i64,
    epoch: i16,
    first: i32,
    last: i32,
    offset: i64,
}

impl History {
    /// Reads what lives before have left in a data dir.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let mut history = Self::default();
        for name in [OLDER_FILE_NAME, FILE_NAME] {
            match fs::read(folder.join(name)) {
                // The last line may be torn. What does not read is as if it had not been written.
                Ok(text) => text.split(|&byte| byte == b'\n').for_each(|line| history.read(line)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        let mut journal = Journal::open(folder)?;
        // So that a torn line does not spoil the next one.
        journal.file.write_all(b"\n")?;
        history.file = Some(Mutex::new(journal));
        Ok(history)
    }

    fn read(&mut self, line: &[u8]) {
        let Ok(line) = serde_json::from_slice::<Line<'_>>(line) else { return };
        let Line { topic, partition, producer_id, epoch, first, last, offset } = line;
        let sequence = Sequence { producer_id, epoch, first, last };
        self.add((topic.as_ref().into(), partition), Committed { sequence, base_offset: offset });
    }

    fn add(&mut self, place: Place, batch: Committed) {
        self.before.entry(place).or_default().push(batch);
    }

    /// Adds a batch that is found to be there, as in a spool, though this may not know of it: its acknowledgement was never
    /// sent. False: the same batch was committed before under other offsets, by an attempt of its own.
    pub fn adopt(&mut self, place: &Place, batch: Committed) -> bool {
        let mut before = self.before.get(place).into_iter().flatten().rev();
        match before.find(|other| other.sequence == batch.sequence) {
            Some(other) => other.base_offset == batch.base_offset,
            None => {
                // For the lives to come: where it was found it may be gone by then.
                self.committed(place, batch);
                self.add(place.clone(), batch);
                true
            }
        }
    }

    /// What was committed before this life, oldest first.
    pub(super) fn of(&self, place: &Place) -> Vec<Committed> {
        let mut batches = self.before.get(place).cloned().unwrap_or_default();
        batches.sort_by_key(|batch| batch.base_offset);
        batches.dedup();
        batches
    }

    /// Notes that a batch is committed.
    pub(super) fn committed(&self, (topic, partition): &Place, batch: Committed) {
        let Some(journal) = &self.file else { return };
        let Committed { sequence: Sequence { producer_id, epoch, first, last }, base_offset: offset } = batch;
        let line =
            Line { topic: (&**topic).into(), partition: *partition, producer_id, epoch, first, last, offset };
        // Names and numbers always serialize.
        let mut text = serde_json::to_vec(&line).unwrap_or_default();
        text.push(b'\n');
        journal.lock().append(&text);
    }
}

impl Journal {
    fn open(folder: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(folder.join(FILE_NAME))?;
        let bytes = file.metadata()?.len();
        Ok(Self { folder: folder.to_owned(), file, bytes, failed: false })
    }

    fn append(&mut self, line: &[u8]) {
        let written = self.file.write_all(line).and_then(|()| {
            self.bytes += line.len() as u64;
            if self.bytes < FILE_BYTES {
                return Ok(());
            }
            fs::rename(self.folder.join(FILE_NAME), self.folder.join(OLDER_FILE_NAME))?;
            *self = Self::open(&self.folder)?;
            Ok(())
        });
        if let Err(error) = written
            && !self.failed
        {
            self.failed = true;
            tracing::error!(
                "cannot write {FILE_NAME} in the data dir: {error}; after a crash batches that are sent again may be \
                 written twice"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn committed(first: i32, base_offset: i64) -> Committed {
        Committed { sequence: Sequence { producer_id: 7, epoch: 1, first, last: first + 9 }, base_offset }
    }

    #[test]
    fn what_is_committed_is_known_in_the_next_life() {
        let folder = tempfile::tempdir().unwrap();
        let place = (Arc::from("trades"), 3);
        let history = History::open(folder.path()).unwrap();
        history.committed(&place, committed(0, 100));
        history.committed(&place, committed(10, 110));
        drop(history);
        // Torn by a crash.
        let mut file = OpenOptions::new().append(true).open(folder.path().join(FILE_NAME)).unwrap();
        file.write_all(br#"{"topic":"trades","partition":3,"producer_id":7,"epoch":1,"fi"#).unwrap();
        let mut history = History::open(folder.path()).unwrap();
        history.committed(&place, committed(20, 120));
        assert!(history.adopt(&place, committed(10, 110)));
        assert_eq!(history.of(&place), [committed(0, 100), committed(10, 110)]);
        let history = History::open(folder.path()).unwrap();
        assert_eq!(history.of(&place), [committed(0, 100), committed(10, 110), committed(20, 120)]);
        assert_eq!(history.of(&(Arc::from("trades"), 4)), []);
    }

    /// Where it was found it may be gone when the next life begins.
    #[test]
    fn what_was_found_to_be_there_is_known_in_the_next_life() {
        let folder = tempfile::tempdir().unwrap();
        let place = (Arc::from("trades"), 3);
        let mut history = History::open(folder.path()).unwrap();
        assert!(history.adopt(&place, committed(0, 100)));
        assert!(!history.adopt(&place, committed(0, 200)));
        let mut history = History::open(folder.path()).unwrap();
        assert_eq!(history.of(&place), [committed(0, 100)]);
        // It is not noted again.
        assert!(history.adopt(&place, committed(0, 100)));
        let lines = fs::read_to_string(folder.path().join(FILE_NAME)).unwrap();
        assert_eq!(lines.lines().filter(|line| !line.is_empty()).count(), 1);
    }

    #[test]
    fn the_files_do_not_grow() {
        let folder = tempfile::tempdir().unwrap();
        let place = (Arc::from("t".repeat(240)), 0);
        let history = History::open(folder.path()).unwrap();
        for n in 0..70_000 {
            history.committed(&place, committed(n * 10, i64::from(n) * 10));
        }
        let size = |name: &str| fs::metadata(folder.path().join(name)).unwrap().len();
        assert!(size(FILE_NAME) <= FILE_BYTES && size(OLDER_FILE_NAME) <= FILE_BYTES + 1_000);
        let history = History::open(folder.path()).unwrap();
        let known = history.of(&place);
        assert_eq!(known.last(), Some(&committed(699_990, 699_990)));
        assert!(known.len() > 20_000, "{}", known.len());
    }
}
