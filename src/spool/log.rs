use std::io;
use std::sync::Arc;

use super::checkpoint::{self, Checkpoint};
use super::entry::{Entry, EntryHead, entry_bytes};
use super::folder::Folder;
use super::segment::{MAGIC, Segment, Segments, name_of};

/// How large the spool may be.
#[derive(Clone, Copy, Debug)]
pub struct LogOptions {
    /// A segment's size; an entry that is larger has one of its own.
    pub segment_bytes: u64,
    /// What all segments together may take on the disk.
    pub limit_bytes: u64,
}

/// Where an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// The entry's number.
    pub number: u64,
    pub(super) segment: u64,
    pub(super) offset: u64,
    /// Its length, with everything.
    pub bytes: u32,
}

/// Why a batch is not in the spool.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpoolError {
    /// There is no room: QuestDB has to catch up first.
    #[error("the spool is full: {0}")]
    Full(Arc<str>),
    /// The disk failed, and nobody knows what is on it. Nothing is taken any more until the gateway starts again.
    #[error(
        "the spool takes nothing more since its disk failed: {0}; see to the disk and start the gateway again"
    )]
    Failed(Arc<str>),
    /// A batch of the same producer before this one is not in the spool.
    #[error("an earlier batch of this producer is not in the spool and has to be sent again first")]
    OutOfLine,
    /// The gateway is shutting down.
    #[error("the gateway is shutting down")]
    Closed,
}

/// What is appended to, and forgotten from. Blocking; [`super::Spool`] runs it on a thread of its own.
pub(super) struct Log {
    folder: Arc<dyn Folder>,
    options: LogOptions,
    segments: Segments,
    current: Option<Current>,
    next: u64,
    /// The last entry that is on the disk.
    durable: u64,
    failed: Option<SpoolError>,
    /// Once an entry found no room none is taken until something is forgotten: a smaller one must not overtake it.
    full: Option<SpoolError>,
}

/// The segment that is written to.
struct Current {
    segment: Arc<Segment>,
    /// Up to here it is on the disk.
    synced: u64,
    /// Up to here it is written.
    end: u64,
    /// The last entry in it.
    last: u64,
}

impl Log {
    pub(super) fn new(folder: Arc<dyn Folder>, options: LogOptions, segments: Segments, next: u64) -> Self {
        Self { folder, options, segments, current: None, next, durable: next - 1, failed: None, full: None }
    }

    /// The number of the last entry that is on the disk.
    pub(super) fn durable(&self) -> u64 {
        self.durable
    }

    /// Appends batches and syncs them: each is on the disk, or it says why not.
    pub(super) fn append(&mut self, batches: &[Entry<'_>]) -> Vec<Result<Location, SpoolError>> {
        if let Some(failed) = &self.failed {
            // Nor is the sync tried again: it would succeed without the pages that the failed one has given up.
            return vec![Err(failed.clone()); batches.len()];
        }
        let mut results = Vec::with_capacity(batches.len());
        let mut buffer = Vec::new();
        for batch in batches {
            let result = self.place(batch, &mut buffer);
            results.push(result);
        }
        if let Err(error) = self.write(&mut buffer).and_then(|()| self.sync()) {
            // Of several segments the first ones may be on the disk.
            for result in &mut results {
                if result.as_ref().is_ok_and(|location| location.number > self.durable) {
                    *result = Err(error.clone());
                }
            }
        }
        results
    }

    /// Puts an entry behind the others, in the buffer or in a new segment.
    fn place(&mut self, batch: &Entry<'_>, buffer: &mut Vec<u8>) -> Result<Location, SpoolError> {
        if let Some(error) = self.failed.as_ref().or(self.full.as_ref()) {
            return Err(error.clone());
        }
        let bytes = entry_bytes(&batch.head.topic, batch.batch) as u64;
        let end = self.current.as_ref().map(|current| current.end + buffer.len() as u64);
        let fits = |current: &Current| end.is_some_and(|end| end + bytes <= current.segment.allocated());
        if !self.current.as_ref().is_some_and(fits) {
            // All that is in the old segment is on the disk before anything is in the new one.
            self.write(buffer)?;
            self.sync()?;
            self.roll(bytes)?;
        }
        let Some(current) = &mut self.current else { return Err(SpoolError::Closed) };
        let (number, offset) = (self.next, current.end + buffer.len() as u64);
        let head = EntryHead { number, ..batch.head.clone() };
        Entry { head, batch: batch.batch }.append_to(buffer);
        self.next += 1;
        current.last = number;
        Ok(Location { number, segment: current.segment.first, offset, bytes: bytes as u32 })
    }

    fn roll(&mut self, bytes: u64) -> Result<(), SpoolError> {
        let size = self.options.segment_bytes.max(MAGIC.len() as u64 + bytes);
        let (used, limit) = (self.segments.allocated_bytes(), self.options.limit_bytes);
        if used + size > limit {
            return Err(self.is_full(format!("{used} of {limit} bytes are used (spool.bytes)")));
        }
        let file = match self.folder.create(&name_of(self.next), size) {
            Ok(file) => file,
            // Nothing was written, so nothing is in doubt.
            Err(error) => return Err(self.is_full(error.to_string())),
        };
        let segment = Arc::new(Segment::new(self.next, file, size));
        if let Err(error) = segment.file.write_at(MAGIC, 0) {
            return Err(self.fails(&error));
        }
        self.segments.add(segment.clone());
        let begin = MAGIC.len() as u64;
        self.current = Some(Current { segment, synced: begin, end: begin, last: 0 });
        Ok(())
    }

    fn write(&mut self, buffer: &mut Vec<u8>) -> Result<(), SpoolError> {
        if buffer.is_empty() {
            return Ok(());
        }
        let Some(current) = &mut self.current else { return Err(SpoolError::Closed) };
        if let Err(error) = current.segment.file.write_at(buffer, current.end) {
            return Err(self.fails(&error));
        }
        current.end += buffer.len() as u64;
        buffer.clear();
        Ok(())
    }

    fn sync(&mut self) -> Result<(), SpoolError> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        let Some(current) = &mut self.current else { return Ok(()) };
        if current.synced == current.end {
            return Ok(());
        }
        if let Err(error) = current.segment.file.sync() {
            return Err(self.fails(&error));
        }
        current.segment.publish(current.synced, current.end, current.last);
        current.synced = current.end;
        self.durable = current.last;
        Ok(())
    }

    fn fails(&mut self, error: &io::Error) -> SpoolError {
        let error = SpoolError::Failed(error.to_string().into());
        tracing::error!("{error}");
        self.failed = Some(error.clone());
        error
    }

    fn is_full(&mut self, why: String) -> SpoolError {
        let error = SpoolError::Full(why.into());
        self.full = Some(error.clone());
        error
    }

    /// Writes down what is done, and removes the segments that are done with.
    pub(super) fn forget(&mut self, done: &Checkpoint) -> io::Result<()> {
        let mut checkpoint = done.clone();
        checkpoint.durable = self.durable;
        self.folder.replace(checkpoint::FILE_NAME, &checkpoint.write())?;
        for segment in self.segments.all() {
            let is_current =
                self.current.as_ref().is_some_and(|current| current.segment.first == segment.first);
            if !is_current && segment.last().is_none_or(|last| last < done.low()) {
                self.folder.remove(&name_of(segment.first))?;
                self.segments.remove(segment.first);
                self.full = None;
            }
        }
        Ok(())
    }

    /// Ends the current segment, so that it can be forgotten when it is done with.
    pub(super) fn end_segment(&mut self) {
        self.current = None;
    }
}
