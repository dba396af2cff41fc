//! Which entries are done, noted one by one as they are.
//!
//! The checkpoint is synced and therefore written seldom; when the process dies what was done since then would be done again.
//! A note is a few bytes in the system's cache: it outlives the process, and what a power cut takes of it is done again. A
//! ring of notes is enough, because the checkpoint comes after them. They are of one life: the next one takes them in and
//! clears them.

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use super::folder::{Folder, StoredFile};

pub(super) const FILE_NAME: &str = "done";

/// An entry's number and its checksum.
const NOTE_BYTES: usize = 12;
/// More than are done between two checkpoints.
const NOTES: usize = 32_768;

/// The ring that this life writes.
pub(super) struct Notes {
    file: Arc<dyn StoredFile>,
    next: Mutex<Next>,
}

#[derive(Default)]
struct Next {
    place: usize,
    /// Said once: the disk does not take them.
    failed: bool,
}

impl Notes {
    /// An empty ring, in the place of the one that may be there.
    pub(super) fn begin(folder: &dyn Folder) -> io::Result<Self> {
        let file = if folder.names()?.iter().any(|name| name == FILE_NAME) {
            let file = folder.open(FILE_NAME)?;
            file.write_at(&vec![0; NOTES * NOTE_BYTES], 0)?;
            file.sync()?;
            file
        } else {
            folder.create(FILE_NAME, (NOTES * NOTE_BYTES) as u64)?
        };
        Ok(Self { file, next: Mutex::default() })
    }

    /// Notes that an entry is done.
    pub(super) fn add(&self, number: u64) {
        let mut note = [0; NOTE_BYTES];
        note[..8].copy_from_slice(&number.to_le_bytes());
        note[8..].copy_from_slice(&crc32c::crc32c(&number.to_le_bytes()).to_le_bytes());
        let mut next = self.next.lock();
        let offset = (next.place * NOTE_BYTES) as u64;
        next.place = (next.place + 1) % NOTES;
        if let Err(error) = self.file.write_at(&note, offset)
            && !next.failed
        {
            next.failed = true;
            tracing::warn!(
                "the spool cannot note what is done: {error}; after a crash more of it is written twice"
            );
        }
    }
}

/// The numbers in a ring.
pub(super) fn read(bytes: &[u8]) -> impl Iterator<Item = u64> {
    bytes.chunks_exact(NOTE_BYTES).filter_map(|note| {
        let (number, checksum) = (note.first_chunk()?, note.last_chunk()?);
        (crc32c::crc32c(number) == u32::from_le_bytes(*checksum)).then(|| u64::from_le_bytes(*number))
    })
}

#[cfg(test)]
mod tests {
    use super::super::faulty::Faulty;
    use super::*;

    #[test]
    fn notes_are_read_as_they_were_and_nothing_else() {
        let folder = Faulty::default();
        let notes = Notes::begin(&folder).unwrap();
        let contents = |folder: &Faulty| folder.contents()[FILE_NAME].clone();
        assert_eq!(read(&contents(&folder)).count(), 0);
        for number in [7, u64::MAX, 3] {
            notes.add(number);
        }
        let mut bytes = contents(&folder);
        assert_eq!(read(&bytes).collect::<Vec<_>>(), [7, u64::MAX, 3]);
        bytes[NOTE_BYTES + 3] ^= 1;
        assert_eq!(read(&bytes).collect::<Vec<_>>(), [7, 3]);
        for number in 0..NOTES as u64 {
            notes.add(number);
        }
        assert_eq!(read(&contents(&folder)).count(), NOTES);
        Notes::begin(&folder).unwrap();
        assert_eq!(read(&contents(&folder)).count(), 0);
    }
}
