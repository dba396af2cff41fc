use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::folder_lock::FolderLock;

/// What the spool asks of its folder: few steps, each of which can be made to fail by a test.
pub trait Folder: Send + Sync {
    /// The names of all files in it.
    fn names(&self) -> io::Result<Vec<String>>;
    /// A new file of that many zero bytes, for which there is room on the disk, and whose name survives a power cut.
    fn create(&self, name: &str, bytes: u64) -> io::Result<Arc<dyn StoredFile>>;
    /// A file that is there.
    fn open(&self, name: &str) -> io::Result<Arc<dyn StoredFile>>;
    /// Puts a file with these contents in the place of the one that may be there: a crash leaves the old one or the
    /// new one, and when this returns it is the new one.
    fn replace(&self, name: &str, contents: &[u8]) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// How long the next write and sync is to take, where neither blocks: in a simulation, whose folder is in memory.
    /// Then the spool has no thread, and its steps are those of a task.
    fn simulated_pace(&self) -> Option<Duration> {
        None
    }
}

/// A file of the spool.
pub trait StoredFile: Send + Sync {
    /// Its size.
    fn bytes(&self) -> io::Result<u64>;
    /// Reads what is there, which is less than asked for only at the file's end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all of it. It need not survive a power cut before [`StoredFile::sync`].
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Returns when all that was written is on the disk.
    fn sync(&self) -> io::Result<()>;
    /// Makes the file so short, and returns when that is on the disk.
    fn cut(&self, bytes: u64) -> io::Result<()>;
}

/// A folder on a disk, for this process alone.
#[derive(Debug)]
pub struct OnDisk {
    path: PathBuf,
    /// Released when dropped, also by the end of the process, however it comes.
    _lock: Option<FolderLock>,
}

impl OnDisk {
    /// Makes the folder where there is none, and takes it. Fails while another process has it.
    pub fn take(path: &Path) -> io::Result<Self> {
        let lock = FolderLock::take(path)?;
        Ok(Self { path: path.to_owned(), _lock: Some(lock) })
    }

    /// Only to look: another process may be writing.
    pub fn look(path: &Path) -> io::Result<Self> {
        fs::read_dir(path)?;
        Ok(Self { path: path.to_owned(), _lock: None })
    }

    fn sync_names(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

impl Folder for OnDisk {
    fn names(&self) -> io::Result<Vec<String>> {
        fs::read_dir(&self.path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn create(&self, name: &str, bytes: u64) -> io::Result<Arc<dyn StoredFile>> {
        let path = self.path.join(name);
        let file = OpenOptions::new().create_new(true).read(true).write(true).open(&path)?;
        let created = nix::fcntl::posix_fallocate(&file, 0, bytes as i64)
            .map_err(io::Error::from)
            .and_then(|()| file.sync_all())
            .and_then(|()| self.sync_names());
        if let Err(error) = created {
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        Ok(Arc::new(file))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn StoredFile>> {
        let writable = self._lock.is_some();
        let file = OpenOptions::new().read(true).write(writable).open(self.path.join(name))?;
        Ok(Arc::new(file))
    }

    fn replace(&self, name: &str, contents: &[u8]) -> io::Result<()> {
        let temporary = self.path.join(format!("{name}.tmp"));
        let mut file = File::create(&temporary)?;
        file.write_all(contents)?;
        file.sync_all()?;
        fs::rename(&temporary, self.path.join(name))?;
        self.sync_names()
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }
}

impl StoredFile for File {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut read = 0;
        while read < buffer.len() {
            match FileExt::read_at(self, &mut buffer[read..], offset + read as u64) {
                Ok(0) => break,
                Ok(bytes) => read += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        // The file is preallocated, so there is no size to be written with it.
        self.sync_data()
    }

    fn cut(&self, bytes: u64) -> io::Result<()> {
        self.set_len(bytes)?;
        self.sync_all()
    }
}
