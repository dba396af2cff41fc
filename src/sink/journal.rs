//! The requests of a life of the gateway, on disk: what was under way when it was killed can be asked for in the next.
//!
//! A line before a request is sent, with what its sender needs to know it again, and a line when its outcome is known.
//! The file is not synced: it outlives the process, and a power cut costs no more than that rows may be there twice. Two
//! files take turns, so that they do not grow; what is still under way is carried over.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::doubt::Doubt;

const FILE_NAME: &str = "requests.jsonl";
const OLDER_FILE_NAME: &str = "requests-older.jsonl";
/// After it the files take turns.
const FILE_BYTES: u64 = 8 << 20;

/// The journal of this life.
#[derive(Debug)]
pub(super) struct Journal(Mutex<State>);

#[derive(Debug)]
struct State {
    folder: PathBuf,
    file: File,
    bytes: u64,
    next: u64,
    /// The lines of those that have begun and not ended.
    under_way: BTreeMap<u64, Vec<u8>>,
    /// Said once: the disk does not take it.
    failed: bool,
}

/// A request of a life before this one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Earlier {
    pub(super) number: u64,
    pub(super) doubt: Doubt,
    /// What its blocks were labelled with.
    pub(super) labels: Vec<String>,
    /// None: that life did not get to know.
    pub(super) written: Option<bool>,
}

#[derive(Serialize, Deserialize)]
struct Line<'a> {
    number: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    began: Option<Began<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    written: Option<bool>,
}

#[derive(Serialize, Deserialize)]
struct Began<'a> {
    doubt: Cow<'a, Doubt>,
    labels: Vec<Cow<'a, str>>,
}

impl Journal {
    /// Opens it in a data dir, and reads what lives before have left.
    pub(super) fn open(folder: &Path) -> io::Result<(Self, Vec<Earlier>)> {
        let mut earlier = BTreeMap::new();
        for name in [OLDER_FILE_NAME, FILE_NAME] {
            match fs::read(folder.join(name)) {
                // The last line may be torn: what it was about was not sent, or is not known to have ended.
                Ok(text) => text.split(|&byte| byte == b'\n').for_each(|line| read(line, &mut earlier)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        let next = earlier.last_key_value().map_or(1, |(number, _)| number + 1);
        let (file, bytes) = append_to(folder)?;
        let state =
            State { folder: folder.to_owned(), file, bytes, next, under_way: BTreeMap::new(), failed: false };
        let journal = Self(Mutex::new(state));
        // Behind what may be a torn line.
        journal.0.lock().append(b"\n");
        Ok((journal, earlier.into_values().collect()))
    }

    /// A request is about to be sent. Returns its number.
    pub(super) fn begin(&self, doubt: &Doubt, labels: &[&str]) -> u64 {
        let mut state = self.0.lock();
        let number = state.next;
        state.next += 1;
        let labels = labels.iter().map(|label| Cow::Borrowed(*label)).collect();
        let began = Began { doubt: Cow::Borrowed(doubt), labels };
        let line = line(&Line { number, began: Some(began), written: None });
        state.append(&line);
        state.under_way.insert(number, line);
        number
    }

    /// It is known whether the request is written, or it is given up.
    pub(super) fn end(&self, number: u64, written: bool) {
        let mut state = self.0.lock();
        state.append(&line(&Line { number, began: None, written: Some(written) }));
        state.under_way.remove(&number);
    }
}

impl State {
    fn append(&mut self, line: &[u8]) {
        if let Err(error) = self.try_append(line)
            && !self.failed
        {
            self.failed = true;
            tracing::error!(
                "cannot write {FILE_NAME} in the data dir: {error}; after a crash of the gateway rows may be there twice"
            );
        }
    }

    fn try_append(&mut self, line: &[u8]) -> io::Result<()> {
        self.file.write_all(line)?;
        self.bytes += line.len() as u64;
        if self.bytes < FILE_BYTES {
            return Ok(());
        }
        fs::rename(self.folder.join(FILE_NAME), self.folder.join(OLDER_FILE_NAME))?;
        (self.file, self.bytes) = append_to(&self.folder)?;
        for line in self.under_way.values() {
            self.file.write_all(line)?;
        }
        Ok(())
    }
}

fn append_to(folder: &Path) -> io::Result<(File, u64)> {
    let file = OpenOptions::new().create(true).append(true).open(folder.join(FILE_NAME))?;
    let bytes = file.metadata()?.len();
    Ok((file, bytes))
}

fn line(line: &Line<'_>) -> Vec<u8> {
    // Names and numbers always serialize.
    let mut text = serde_json::to_vec(line).unwrap_or_default();
    text.push(b'\n');
    text
}

fn read(line: &[u8], earlier: &mut BTreeMap<u64, Earlier>) {
    let Ok(Line { number, began, written }) = serde_json::from_slice(line) else { return };
    if let Some(Began { doubt, labels }) = began {
        let labels = labels.into_iter().map(Cow::into_owned).collect();
        // One that was carried over is there twice.
        earlier.entry(number).or_insert(Earlier { number, doubt: doubt.into_owned(), labels, written: None });
    }
    if let Some(earlier) = earlier.get_mut(&number)
        && written.is_some()
    {
        earlier.written = written;
    }
}

#[cfg(test)]
mod tests {
    use super::super::doubt::Account;
    use super::*;

    fn doubt(base: i64) -> Doubt {
        let account = Account { base, commits: 2, writer: Some(3), shared: false };
        Doubt::example("t", account)
    }

    #[test]
    fn what_was_under_way_is_known_in_the_next_life() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, earlier) = Journal::open(folder.path()).unwrap();
        assert_eq!(earlier, []);
        let written = journal.begin(&doubt(1), &["a", "b"]);
        journal.end(written, true);
        journal.begin(&doubt(2), &["c"]);
        drop(journal);
        // Torn by a crash.
        let mut file = OpenOptions::new().append(true).open(folder.path().join(FILE_NAME)).unwrap();
        file.write_all(br#"{"number":3,"began":{"dou"#).unwrap();
        let (journal, earlier) = Journal::open(folder.path()).unwrap();
        let of = |number, base, labels: &[&str], written| Earlier {
            number,
            doubt: doubt(base),
            labels: labels.iter().map(|&label| label.to_owned()).collect(),
            written,
        };
        assert_eq!(earlier, [of(1, 1, &["a", "b"], Some(true)), of(2, 2, &["c"], None)]);
        journal.end(2, false);
        journal.begin(&doubt(3), &["d"]);
        let (_, earlier) = Journal::open(folder.path()).unwrap();
        assert_eq!(earlier[1].written, Some(false));
        assert_eq!(earlier[2], of(3, 3, &["d"], None));
    }

    #[test]
    fn the_files_do_not_grow_and_what_is_under_way_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, _) = Journal::open(folder.path()).unwrap();
        let stuck = journal.begin(&doubt(7), &["stuck"]);
        let label = "x".repeat(1000);
        for base in 0..30_000 {
            let number = journal.begin(&doubt(base), &[&label]);
            journal.end(number, true);
        }
        let size = |name: &str| fs::metadata(folder.path().join(name)).unwrap().len();
        assert!(size(FILE_NAME) <= FILE_BYTES && size(OLDER_FILE_NAME) <= FILE_BYTES + 2_000);
        let (_, earlier) = Journal::open(folder.path()).unwrap();
        let open: Vec<_> = earlier.iter().filter(|earlier| earlier.written.is_none()).collect();
        assert_eq!(open.len(), 1);
        assert_eq!(open[0].number, stuck);
    }
}
