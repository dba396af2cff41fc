//! A folder in memory that fails where a test says, and forgets what was not synced.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use super::folder::{Folder, StoredFile};

/// A disk writes whole sectors, in any order.
const SECTOR: usize = 64;

/// What happens at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The step fails, and half of it may be done.
    Error,
    /// The process ends in the middle of the step: it and all that follow fail.
    Crash,
}

/// Clones share the folder, as the lives of a process do.
#[derive(Clone, Default)]
pub(super) struct Faulty(Arc<Mutex<Disk>>);

#[derive(Default)]
struct Disk {
    files: BTreeMap<String, Stored>,
    steps: usize,
    fault: Option<(usize, Fault)>,
    crashed: bool,
    /// `sync` says that it has, and has not.
    pub(super) lies: bool,
    /// Bytes that files may take.
    capacity: Option<usize>,
}

#[derive(Clone, Default)]
struct Stored {
    /// What a reader sees.
    seen: Vec<u8>,
    /// What a power cut leaves for sure.
    synced: Vec<u8>,
}

struct FaultyFile {
    name: String,
    disk: Arc<Mutex<Disk>>,
}

impl Faulty {
    pub(super) fn fail_at(&self, step: usize, fault: Fault) {
        self.0.lock().fault = Some((step, fault));
    }

    pub(super) fn lie_about_syncs(&self) {
        self.0.lock().lies = true;
    }

    pub(super) fn hold_at_most(&self, bytes: Option<usize>) {
        self.0.lock().capacity = bytes;
    }

    pub(super) fn steps(&self) -> usize {
        self.0.lock().steps
    }

    /// The process has ended; what it wrote is there.
    pub(super) fn restart(&self) {
        let mut disk = self.0.lock();
        (disk.steps, disk.fault, disk.crashed) = (0, None, false);
    }

    /// The power is gone: of what was not synced some sectors are there and others not.
    pub(super) fn power_cut(&self, random: &mut impl FnMut(usize) -> usize) {
        self.restart();
        for file in self.0.lock().files.values_mut() {
            let mut left = file.synced.clone();
            for begin in (0..file.seen.len()).step_by(SECTOR) {
                let end = (begin + SECTOR).min(file.seen.len());
                if random(2) == 0 && end <= left.len() {
                    left[begin..end].copy_from_slice(&file.seen[begin..end]);
                }
            }
            (file.seen, file.synced) = (left.clone(), left);
        }
    }

    pub(super) fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        self.0.lock().files.iter().map(|(name, file)| (name.clone(), file.seen.clone())).collect()
    }

    pub(super) fn with(contents: BTreeMap<String, Vec<u8>>) -> Self {
        let folder = Self::default();
        folder.0.lock().files = contents
            .into_iter()
            .map(|(name, bytes)| (name, Stored { seen: bytes.clone(), synced: bytes }))
            .collect();
        folder
    }
}

impl Disk {
    /// Counts a step. Where it fails, the error and whether half of the step happens.
    fn step(&mut self) -> Result<(), (io::Error, bool)> {
        let broken = |half| Err((io::Error::other("input/output error (injected)"), half));
        if self.crashed {
            return broken(false);
        }
        self.steps += 1;
        match self.fault {
            Some((step, fault)) if step + 1 == self.steps => {
                self.crashed = fault == Fault::Crash;
                broken(true)
            }
            _ => Ok(()),
        }
    }

    fn used(&self) -> usize {
        self.files.values().map(|file| file.seen.len()).sum()
    }
}

impl Folder for Faulty {
    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.0.lock().files.keys().cloned().collect())
    }

    fn create(&self, name: &str, bytes: u64) -> io::Result<Arc<dyn StoredFile>> {
        let mut disk = self.0.lock();
        if disk.capacity.is_some_and(|capacity| disk.used() + bytes as usize > capacity) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let empty = |bytes: usize| Stored { seen: vec![0; bytes], synced: vec![0; bytes] };
        if let Err((error, half)) = disk.step() {
            // The process may end with a file that is there but not of its size. An error leaves none.
            if half && disk.crashed {
                disk.files.insert(name.to_owned(), empty(bytes as usize / 2));
            }
            return Err(error);
        }
        assert!(disk.files.insert(name.to_owned(), empty(bytes as usize)).is_none(), "{name} was there");
        Ok(Arc::new(FaultyFile { name: name.to_owned(), disk: self.0.clone() }))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn StoredFile>> {
        if !self.0.lock().files.contains_key(name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(Arc::new(FaultyFile { name: name.to_owned(), disk: self.0.clone() }))
    }

    fn replace(&self, name: &str, contents: &[u8]) -> io::Result<()> {
        let mut disk = self.0.lock();
        disk.step().map_err(|(error, _)| error)?;
        let stored = Stored { seen: contents.to_vec(), synced: contents.to_vec() };
        disk.files.insert(name.to_owned(), stored);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut disk = self.0.lock();
        disk.step().map_err(|(error, _)| error)?;
        disk.files.remove(name).map(drop).ok_or(io::ErrorKind::NotFound.into())
    }
}

impl StoredFile for FaultyFile {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.disk.lock().files[&self.name].seen.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let disk = self.disk.lock();
        let bytes = disk.files[&self.name].seen.get(offset as usize..).unwrap_or_default();
        let read = bytes.len().min(buffer.len());
        buffer[..read].copy_from_slice(&bytes[..read]);
        Ok(read)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut disk = self.disk.lock();
        let (written, result) = match disk.step() {
            Ok(()) => (bytes.len(), Ok(())),
            Err((error, half)) => (if half { bytes.len() / 2 } else { 0 }, Err(error)),
        };
        let file = disk.files.get_mut(&self.name).unwrap();
        let offset = offset as usize;
        file.seen[offset..offset + written].copy_from_slice(&bytes[..written]);
        result
    }

    fn cut(&self, bytes: u64) -> io::Result<()> {
        let mut disk = self.disk.lock();
        disk.step().map_err(|(error, _)| error)?;
        let file = disk.files.get_mut(&self.name).unwrap();
        file.seen.truncate(bytes as usize);
        file.synced.truncate(bytes as usize);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut disk = self.disk.lock();
        disk.step().map_err(|(error, _)| error)?;
        if !disk.lies {
            let file = disk.files.get_mut(&self.name).unwrap();
            file.synced = file.seen.clone();
        }
        Ok(())
    }
}
