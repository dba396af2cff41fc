//! The spool's folder, in memory: what was written stays when the gateway is killed.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use quafka::spool::{Folder, StoredFile};

use crate::random::Random;

/// Clones share the folder.
#[derive(Clone)]
pub struct Disk(Arc<Shared>);

struct Shared {
    files: Mutex<BTreeMap<String, Arc<Bytes>>>,
    random: Mutex<Random>,
    failures: Mutex<u64>,
}

struct Bytes(Mutex<Vec<u8>>);

struct File {
    bytes: Arc<Bytes>,
    disk: Disk,
}

impl Disk {
    pub fn new(random: Random) -> Self {
        Self(Arc::new(Shared {
            files: Mutex::default(),
            random: Mutex::new(random),
            failures: Mutex::new(0),
        }))
    }

    /// From now on writes and syncs fail in this percentage.
    pub fn fail(&self, percent: u64) {
        *self.0.failures.lock() = percent;
    }

    fn step(&self) -> io::Result<()> {
        let percent = *self.0.failures.lock();
        if percent > 0 && self.0.random.lock().percent(percent) {
            return Err(io::Error::other("input/output error (simulated)"));
        }
        Ok(())
    }

    fn file(&self, bytes: Arc<Bytes>) -> Arc<dyn StoredFile> {
        Arc::new(File { bytes, disk: self.clone() })
    }
}

impl Folder for Disk {
    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.0.files.lock().keys().cloned().collect())
    }

    fn create(&self, name: &str, bytes: u64) -> io::Result<Arc<dyn StoredFile>> {
        let bytes = Arc::new(Bytes(Mutex::new(vec![0; bytes as usize])));
        let before = self.0.files.lock().insert(name.to_owned(), bytes.clone());
        assert!(before.is_none(), "{name} was there");
        Ok(self.file(bytes))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn StoredFile>> {
        let bytes = self.0.files.lock().get(name).cloned();
        Ok(self.file(bytes.ok_or(io::ErrorKind::NotFound)?))
    }

    fn replace(&self, name: &str, contents: &[u8]) -> io::Result<()> {
        self.0.files.lock().insert(name.to_owned(), Arc::new(Bytes(Mutex::new(contents.to_vec()))));
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.files.lock().remove(name).map(drop).ok_or(io::ErrorKind::NotFound.into())
    }

    fn simulated_pace(&self) -> Option<Duration> {
        Some(self.0.random.lock().millis(0..4))
    }
}

impl StoredFile for File {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.bytes.0.lock().len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let bytes = self.bytes.0.lock();
        let bytes = bytes.get(offset as usize..).unwrap_or_default();
        let read = bytes.len().min(buffer.len());
        buffer[..read].copy_from_slice(&bytes[..read]);
        Ok(read)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.disk.step()?;
        let offset = offset as usize;
        self.bytes.0.lock()[offset..offset + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.step()
    }

    fn cut(&self, bytes: u64) -> io::Result<()> {
        self.bytes.0.lock().truncate(bytes as usize);
        Ok(())
    }
}
