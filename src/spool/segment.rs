use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};

use super::entry::{Entry, EntryHead, HEAD_BYTES, length_of};
use super::folder::StoredFile;
use super::log::Location;

/// With these bytes a segment begins. The digit is the format's version.
pub(super) const MAGIC: &[u8; 16] = b"quafka-spool-1\r\n";

/// The name of the segment whose first entry has this number.
pub(super) fn name_of(first: u64) -> String {
    format!("{first:020}.segment")
}

/// The number in such a name.
pub(super) fn first_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".segment")?;
    (digits.len() == 20).then(|| digits.parse().ok())?
}

/// A file with entries.
pub(super) struct Segment {
    pub(super) first: u64,
    pub(super) file: Arc<dyn StoredFile>,
    allocated: AtomicU64,
    content: Mutex<Content>,
}

/// Where the entries are that may be read: all of them are on the disk.
#[derive(Clone, Default)]
struct Content {
    /// Where entries follow each other without a gap: first byte and the one after the last. More than one only
    /// where there is damage in between.
    runs: Vec<(u64, u64)>,
    /// The number of the last entry; none where there is no entry yet.
    last: Option<u64>,
}

impl Segment {
    pub(super) fn new(first: u64, file: Arc<dyn StoredFile>, allocated: u64) -> Self {
        Self { first, file, allocated: AtomicU64::new(allocated), content: Mutex::default() }
    }

    /// What it takes on the disk.
    pub(super) fn allocated(&self) -> u64 {
        self.allocated.load(Ordering::Relaxed)
    }

    /// Gives back what is behind `bytes`: nothing is appended there any more.
    pub(super) fn cut(&self, bytes: u64) -> io::Result<()> {
        self.file.cut(bytes)?;
        self.allocated.store(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// The entries from byte `from` to byte `end` may be read; the last is number `last`.
    pub(super) fn publish(&self, from: u64, end: u64, last: u64) {
        let mut content = self.content.lock();
        content.last = Some(last);
        match content.runs.last_mut() {
            Some((_, before)) if *before == from => *before = end,
            _ => content.runs.push((from, end)),
        }
    }

    pub(super) fn last(&self) -> Option<u64> {
        self.content.lock().last
    }

    /// The first readable byte from `offset` on.
    fn readable(&self, offset: u64) -> Option<u64> {
        let content = self.content.lock();
        content.runs.iter().find(|(_, end)| offset < *end).map(|(start, _)| offset.max(*start))
    }
}

/// All segments, by their first entry's number.
#[derive(Clone, Default)]
pub(super) struct Segments(Arc<RwLock<BTreeMap<u64, Arc<Segment>>>>);

impl Segments {
    pub(super) fn add(&self, segment: Arc<Segment>) {
        self.0.write().insert(segment.first, segment);
    }

    pub(super) fn remove(&self, first: u64) {
        self.0.write().remove(&first);
    }

    pub(super) fn all(&self) -> Vec<Arc<Segment>> {
        self.0.read().values().cloned().collect()
    }

    /// What they take on the disk.
    pub(super) fn allocated_bytes(&self) -> u64 {
        self.0.read().values().map(|segment| segment.allocated()).sum()
    }

    /// The segment of this number, or the next one.
    fn from(&self, first: u64) -> Option<Arc<Segment>> {
        self.0.read().range(first..).next().map(|(_, segment)| segment.clone())
    }

    /// Reads an entry and hands it to `with`; nothing where it is not what it was any more.
    pub(super) fn read<T>(
        &self,
        location: &Location,
        with: impl FnOnce(Entry<'_>) -> T,
    ) -> io::Result<Option<T>> {
        let Some(segment) = self.0.read().get(&location.segment).cloned() else { return Ok(None) };
        let mut bytes = vec![0; location.bytes as usize];
        let read = segment.file.read_at(&mut bytes, location.offset)?;
        let entry = Entry::read(&bytes[..read]).filter(|(entry, _)| entry.head.number == location.number);
        Ok(entry.map(|(entry, _)| with(entry)))
    }
}

/// Goes over all entries, in order.
pub(super) struct Cursor {
    segments: Segments,
    segment: u64,
    offset: u64,
}

impl Cursor {
    pub(super) fn new(segments: Segments) -> Self {
        Self { segments, segment: 0, offset: 0 }
    }

    /// The next entry's head and where it is; nothing where there is none yet.
    pub(super) fn next(&mut self) -> io::Result<Option<(EntryHead, Location)>> {
        loop {
            let Some(segment) = self.segments.from(self.segment) else { return Ok(None) };
            if segment.first != self.segment {
                (self.segment, self.offset) = (segment.first, 0);
            }
            let Some(offset) = segment.readable(self.offset) else {
                // Nothing more here. There may be later, unless a next segment is there.
                if self.segments.from(self.segment + 1).is_none() || segment.readable(self.offset).is_some() {
                    return Ok(None);
                }
                // Also where the next one begins with this very number.
                (self.segment, self.offset) = (self.segment + 1, 0);
                continue;
            };
            let mut bytes = [0; HEAD_BYTES];
            let read = segment.file.read_at(&mut bytes, offset)?;
            let (head, length) = match (EntryHead::read(&bytes[..read]), length_of(&bytes[..read])) {
                (Some(head), Some(length)) if length <= segment.allocated() as usize => (head, length),
                // It was whole when it was opened or written. What follows cannot be told apart any more; the next
                // time that the folder is opened it is searched.
                _ => {
                    let message = format!(
                        "the spool's entry at byte {offset} of {} has changed on the disk",
                        name_of(segment.first)
                    );
                    return Err(io::Error::new(io::ErrorKind::InvalidData, message));
                }
            };
            self.offset = offset + length as u64;
            let location =
                Location { number: head.number, segment: segment.first, offset, bytes: length as u32 };
            return Ok(Some((head, location)));
        }
    }
}
