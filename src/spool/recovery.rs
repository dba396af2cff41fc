//! What a folder holds when it is opened: found out by reading all of it.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::checkpoint::{self, Checkpoint, CheckpointFault};
use super::entry::{Entry, length_of, number_at};
use super::folder::{Folder, StoredFile};
use super::notes;
use super::segment::{MAGIC, Segment, Segments, first_of, name_of};

/// The shortest entry there can be, with its prefix.
const MIN_ENTRY_BYTES: u64 = 38;

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Recovered {
    /// Entries that wait for QuestDB.
    pub entries: u64,
    /// Their size.
    pub bytes: u64,
    /// What is not as it was written.
    pub damages: Vec<Damage>,
    /// Set where nobody knows any more which entries were done.
    pub checkpoint: Option<CheckpointFault>,
}

/// Bytes that are no entries, where entries should be; or entries that are not there at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The segment.
    pub segment: String,
    /// Where in it.
    pub bytes: Range<u64>,
    /// The numbers of the entries that are missing, where that can be told. Empty at a torn end, whose entries were
    /// never acknowledged.
    pub entries: Range<u64>,
    /// The file in the spool's folder with the bytes.
    pub kept_as: Option<String>,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { segment, bytes, entries, kept_as } = self;
        match entries.end - entries.start {
            0 => write!(
                f,
                "{segment}: a torn end, never acknowledged, from byte {} to {}",
                bytes.start, bytes.end
            )?,
            lost => write!(
                f,
                "{segment}: {lost} entries from number {} on are lost, bytes {} to {}",
                entries.start, bytes.start, bytes.end
            )?,
        }
        match kept_as {
            Some(name) => write!(f, "; kept as {name}"),
            None => Ok(()),
        }
    }
}

/// A folder as it was found.
pub(super) struct Opened {
    pub(super) segments: Segments,
    pub(super) checkpoint: Checkpoint,
    pub(super) next: u64,
    pub(super) recovered: Recovered,
}

/// Reads a folder. `each` sees every entry that is not done. Where `repair` is set, segments that are done are removed,
/// damaged bytes kept aside, and torn ends cut off.
pub(super) fn open(
    folder: &dyn Folder,
    repair: bool,
    mut each: impl FnMut(&Entry<'_>),
) -> io::Result<Opened> {
    let names = folder.names()?;
    let mut recovered = Recovered::default();
    let mut checkpoint = Checkpoint::default();
    if names.iter().any(|name| name == checkpoint::FILE_NAME) {
        let file = folder.open(checkpoint::FILE_NAME)?;
        match Checkpoint::read(&read_all(&*file)?) {
            Ok(read) => checkpoint = read,
            Err(fault) => recovered.checkpoint = Some(fault),
        }
    }
    let mut noted = Vec::new();
    if names.iter().any(|name| name == notes::FILE_NAME) {
        noted = notes::read(&read_all(&*folder.open(notes::FILE_NAME)?)?).collect();
    }
    let mut firsts: Vec<u64> = names.iter().filter_map(|name| first_of(name)).collect();
    firsts.sort_unstable();
    let segments = Segments::default();
    // What the entries before have led to; unknown where no segment says how it began.
    let mut expected = firsts.first().copied().unwrap_or_default().max(1);
    if checkpoint.low() > 0 && expected > checkpoint.low() {
        expected = checkpoint.low();
    }
    checkpoint.done(0..1);
    if firsts.is_empty() && checkpoint.durable >= checkpoint.low() {
        let entries = checkpoint.low()..checkpoint.durable + 1;
        let segment = "all segments".to_owned();
        recovered.damages.push(Damage { segment, bytes: 0..0, entries, kept_as: None });
    }
    let known = with(&checkpoint, &noted);
    for (index, &first) in firsts.iter().enumerate() {
        let next_first = firsts.get(index + 1).copied();
        if repair
            && let Some(next) = next_first
            && next <= checkpoint.low()
        {
            folder.remove(&name_of(first))?;
            expected = next;
            continue;
        }
        let file = folder.open(&name_of(first))?;
        let bytes = read_all(&*file)?;
        let segment = Arc::new(Segment::new(first, file, bytes.len() as u64));
        let used = used(&bytes);
        let mut scan =
            Scan { folder, repair, segment: &segment, bytes: &bytes, used, recovered: &mut recovered };
        if expected < first {
            // Entries that end a segment, or whole segments.
            scan.damage(0..0, expected..first)?;
        }
        let must_reach = next_first.unwrap_or(checkpoint.durable + 1);
        expected = scan.entries(first, must_reach, &known, &mut each)?;
        if repair && segment.last().is_none() {
            // Its first entry was never written, and whatever else was in it is kept aside. The next segment may get
            // the same name.
            folder.remove(&name_of(first))?;
        } else {
            segments.add(segment);
        }
    }
    for damage in &recovered.damages {
        checkpoint.done(damage.entries.clone());
    }
    let next = expected.max(checkpoint.durable + 1).max(checkpoint.low());
    // Notes of entries that are not there are of a spool that somebody has deleted: new entries get those numbers.
    noted.retain(|&number| number < next);
    let checkpoint = with(&checkpoint, &noted);
    Ok(Opened { segments, checkpoint, next, recovered })
}

fn with(checkpoint: &Checkpoint, noted: &[u64]) -> Checkpoint {
    let mut with = checkpoint.clone();
    for &number in noted {
        with.done(number..number.saturating_add(1));
    }
    with
}

fn read_all(file: &dyn StoredFile) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(file.bytes()?).map_err(io::Error::other)?];
    let read = file.read_at(&mut bytes, 0)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// Where the last byte is that is not zero, and one more.
fn used(bytes: &[u8]) -> usize {
    const ZEROS: [u8; 4096] = [0; 4096];
    let mut end = bytes.len();
    while let Some(start) = end.checked_sub(ZEROS.len())
        && bytes[start..end] == ZEROS
    {
        end = start;
    }
    bytes[..end].iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1)
}

/// The search for entries in one segment.
struct Scan<'a> {
    folder: &'a dyn Folder,
    repair: bool,
    segment: &'a Arc<Segment>,
    bytes: &'a [u8],
    /// Behind it there are zeros only, as they were preallocated.
    used: usize,
    recovered: &'a mut Recovered,
}

impl Scan<'_> {
    /// Publishes the segment's entries. All below `must_reach` were there once. Returns the number that the next
    /// entry should have.
    fn entries(
        &mut self,
        first: u64,
        must_reach: u64,
        checkpoint: &Checkpoint,
        each: &mut impl FnMut(&Entry<'_>),
    ) -> io::Result<u64> {
        if !self.bytes.starts_with(MAGIC)
            && self.bytes.starts_with(&MAGIC[..13])
            && self.find(MAGIC.len(), first).is_none()
        {
            let message = format!("{} is of a format that this version does not know", name_of(first));
            return Err(io::Error::new(io::ErrorKind::Unsupported, message));
        }
        let (mut offset, mut expected) = (MAGIC.len().min(self.bytes.len()), first);
        loop {
            match Entry::read(&self.bytes[offset..]).filter(|(entry, _)| entry.head.number == expected) {
                Some((entry, length)) => {
                    if !checkpoint.is_done(expected) {
                        self.recovered.entries += 1;
                        self.recovered.bytes += length as u64;
                        each(&entry);
                    }
                    self.segment.publish(offset as u64, (offset + length) as u64, expected);
                    offset += length;
                    expected += 1;
                }
                None => match self.find(offset, expected) {
                    Some((found, number)) => {
                        self.damage(offset as u64..found as u64, expected..number)?;
                        (offset, expected) = (found, number);
                    }
                    None => return self.end(offset, expected, must_reach),
                },
            }
        }
    }

    /// No entry follows: is that the end of what was written, or is something missing?
    fn end(&mut self, offset: usize, expected: u64, must_reach: u64) -> io::Result<u64> {
        let used = self.used;
        let lost = expected..must_reach.max(expected);
        if used > offset || !lost.is_empty() {
            let torn = offset..used.max(offset);
            self.damage(torn.start as u64..torn.end as u64, lost)?;
        }
        // What was preallocated is given back, too: what comes next begins a new segment.
        if self.repair && offset < self.bytes.len() {
            self.segment.cut(offset as u64)?;
        }
        Ok(expected.max(must_reach))
    }

    /// The next whole entry behind `offset`, which is not itself one: where it is, and its number.
    fn find(&self, offset: usize, expected: u64) -> Option<(usize, u64)> {
        // So many entries fit in what is left.
        let last = expected + self.bytes.len() as u64 / MIN_ENTRY_BYTES;
        (offset..self.used).find_map(|candidate| {
            let rest = &self.bytes[candidate..];
            let number = number_at(rest).filter(|number| (expected..=last).contains(number))?;
            length_of(rest).filter(|&length| length as u64 >= MIN_ENTRY_BYTES && length <= rest.len())?;
            Entry::read(rest).map(|_| (candidate, number))
        })
    }

    fn damage(&mut self, bytes: Range<u64>, entries: Range<u64>) -> io::Result<()> {
        let segment = name_of(self.segment.first);
        let mut kept_as = None;
        if self.repair && !bytes.is_empty() {
            let name = format!("damaged-{:020}-{}", self.segment.first, bytes.start);
            self.folder.replace(&name, &self.bytes[bytes.start as usize..bytes.end as usize])?;
            kept_as = Some(name);
        }
        self.recovered.damages.push(Damage { segment, bytes, entries, kept_as });
        Ok(())
    }
}
