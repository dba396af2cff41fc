//! A folder that one process uses at a time.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

/// The file that is locked. It stays; the lock goes with the process, however that ends.
pub const LOCK_FILE: &str = "lock";

/// Held as long as the folder is used.
#[derive(Debug)]
pub struct FolderLock(#[expect(dead_code, reason = "held, not read")] Flock<File>);

impl FolderLock {
    /// Makes the folder where there is none, and takes it.
    ///
    /// # Errors
    /// [`io::ErrorKind::ResourceBusy`] while another process has it; else what the system says.
    pub fn take(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let path = folder.join(LOCK_FILE);
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Ok(Self(lock)),
            Err((_, Errno::EWOULDBLOCK)) => {
                let message = "another quafka uses this folder; each needs one of its own";
                Err(io::Error::new(io::ErrorKind::ResourceBusy, message))
            }
            Err((_, errno)) => Err(errno.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_taken_once_at_a_time() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("new");
        let lock = FolderLock::take(&folder).unwrap();
        let refused = FolderLock::take(&folder).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ResourceBusy);
        assert!(refused.to_string().contains("another quafka"), "{refused}");
        drop(lock);
        FolderLock::take(&folder).unwrap();
    }
}
