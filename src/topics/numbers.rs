//! Numbers that must never be handed out twice, also not by a later life of this gateway: producer ids, and the
//! offset at which each life's partitions start.
//!
//! With a data dir they are reserved in steps: the file names the first number that has *not* been reserved, is
//! synced before any number of the step is used, and the next life starts there. Without one they start from the
//! clock, which is right as long as the clock does not go back between two lives.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::folder_lock::FolderLock;

const FILE_NAME: &str = "numbers.json";
/// Kafka's own block size for producer ids.
const PRODUCER_ID_STEP: i64 = 1_000;
/// Offsets that a partition hands out before the file is written again.
const OFFSET_STEP: i64 = 1 << 30;
/// 2024-01-01T00:00:00Z. Counting from here keeps an offset in microseconds below 2^53, which JavaScript clients
/// can show exactly.
const EPOCH_S: u64 = 1_704_067_200;

/// Why the reservation file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NumbersError {
    /// Reading or writing failed.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not what was written.
    #[error(
        "{path} is damaged ({reason}); without it offsets and producer ids could repeat: restore it, or delete it and set no data_dir once"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// The reservations of one gateway.
#[derive(Debug)]
pub struct Numbers {
    first_offset: i64,
    state: Mutex<State>,
    /// What is in a data dir is of one gateway at a time: two would hand out the same numbers.
    _lock: Option<FolderLock>,
}

#[derive(Debug)]
struct State {
    next_producer_id: i64,
    reserved: Reserved,
    folder: Option<PathBuf>,
}

/// The first numbers that have not been reserved.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reserved {
    producer_id: i64,
    offset: i64,
}

impl Numbers {
    /// Takes the data dir, and starts where the last life could have been at most.
    pub fn open(folder: &Path) -> Result<Self, NumbersError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| NumbersError::Io { path, source }
        };
        let lock = FolderLock::take(folder).map_err(at(folder))?;
        let path = folder.join(FILE_NAME);
        let before = match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map_err(|error| NumbersError::Damaged { path: path.clone(), reason: error.to_string() })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Reserved::default(),
            Err(error) => return Err(at(&path)(error)),
        };
        let reserved = Reserved {
            producer_id: before.producer_id + PRODUCER_ID_STEP,
            offset: before.offset + OFFSET_STEP,
        };
        write(folder, reserved).map_err(at(&path))?;
        let state = State { next_producer_id: before.producer_id, reserved, folder: Some(folder.to_owned()) };
        Ok(Self { first_offset: before.offset, state: Mutex::new(state), _lock: Some(lock) })
    }

    /// Starts from the clock.
    pub fn from_clock(now: SystemTime) -> Self {
        let since_epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let micros = since_epoch.as_micros() as i64 - (EPOCH_S * 1_000_000) as i64;
        let first = micros.max(0);
        let reserved = Reserved { producer_id: i64::MAX, offset: i64::MAX };
        Self {
            first_offset: first,
            state: Mutex::new(State { next_producer_id: first, reserved, folder: None }),
            _lock: None,
        }
    }

    /// The offset at which every partition starts in this life.
    pub fn first_offset(&self) -> i64 {
        self.first_offset
    }

    /// A producer id that was never handed out before.
    pub fn producer_id(&self) -> io::Result<i64> {
        let mut state = self.state.lock();
        if state.next_producer_id >= state.reserved.producer_id {
            state.reserve(|reserved| reserved.producer_id += PRODUCER_ID_STEP)?;
        }
        let id = state.next_producer_id;
        state.next_producer_id += 1;
        Ok(id)
    }

    /// Makes sure that offsets below `end` are reserved before one of them is told to anybody.
    pub fn reserve_offsets(&self, end: i64) -> io::Result<()> {
        let mut state = self.state.lock();
        if end > state.reserved.offset {
            state.reserve(|reserved| reserved.offset = end + OFFSET_STEP)?;
        }
        Ok(())
    }
}

impl State {
    fn reserve(&mut self, change: impl FnOnce(&mut Reserved)) -> io::Result<()> {
        let mut reserved = self.reserved;
        change(&mut reserved);
        if let Some(folder) = &self.folder {
            write(folder, reserved)?;
        }
        self.reserved = reserved;
        Ok(())
    }
}

/// Replaces the file as a whole: a crash leaves the old one or the new one.
fn write(folder: &Path, reserved: Reserved) -> io::Result<()> {
    let temporary = folder.join(format!("{FILE_NAME}.tmp"));
    let mut file = File::create(&temporary)?;
    file.write_all(&serde_json::to_vec(&reserved)?)?;
    file.sync_all()?;
    fs::rename(&temporary, folder.join(FILE_NAME))?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn nothing_repeats_across_lives() {
        let folder = tempfile::tempdir().unwrap();
        let first = Numbers::open(folder.path()).unwrap();
        let ids: Vec<i64> = (0..2_500).map(|_| first.producer_id().unwrap()).collect();
        assert_eq!(ids, (0..2_500).collect::<Vec<_>>());
        let end = first.first_offset() + 3 * OFFSET_STEP;
        first.reserve_offsets(end).unwrap();
        let refused = Numbers::open(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("another quafka uses this folder"), "{refused}");
        drop(first);
        let second = Numbers::open(folder.path()).unwrap();
        assert!(second.producer_id().unwrap() > 2_499);
        assert!(second.first_offset() >= end);
    }

    #[test]
    fn a_damaged_file_is_an_error_not_a_new_start() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE_NAME), b"{").unwrap();
        let error = Numbers::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains(FILE_NAME) && error.contains("damaged"), "{error}");
    }

    #[test]
    fn without_a_data_dir_a_later_life_starts_later() {
        let now = SystemTime::now();
        let first = Numbers::from_clock(now);
        let second = Numbers::from_clock(now + Duration::from_secs(1));
        assert!(second.first_offset() > first.first_offset());
        assert!(second.first_offset() < 1 << 53);
    }
}
