//! A child process that does not outlive this one.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A process that ends with its owner: on drop, and, by a watchdog, also when the owner is killed.
///
/// The watchdog is a shell that waits on a pipe of which only this process holds the other end. However this
/// process ends, the kernel closes the pipe, and the shell kills the child. Both run in process groups of their
/// own, so that Ctrl-C in a terminal reaches the owner alone, which can then stop things in order.
#[derive(Debug)]
pub struct OwnedChild {
    child: Child,
    watchdog: Child,
    ended: Option<ExitStatus>,
}

/// Kills `$1` and removes the folder `$2`, if any, once standard input is closed. A killed process may linger for
/// a moment and still create files, so the folder is removed when it has gone or after 3 s.
const WATCHDOG: &str = r#"
read -r _
kill -9 "$1" 2>/dev/null
if [ -n "$2" ]; then
    i=0
    while kill -0 "$1" 2>/dev/null && [ $i -lt 30 ]; do sleep 0.1; i=$((i + 1)); done
    rm -rf -- "$2"
fi
"#;

impl OwnedChild {
    /// Starts a command, its output appended to `log`. `scratch` is a folder that is removed when this process dies
    /// without dropping the child.
    ///
    /// # Errors
    /// When the program, the shell or the log file cannot be started or opened.
    pub fn spawn(command: &mut Command, log: &Path, scratch: Option<&Path>) -> io::Result<Self> {
        let output = File::options().create(true).append(true).open(log)?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .spawn()?;
        let watchdog = Command::new("/bin/sh")
            .args(["-c", WATCHDOG, "watchdog", &child.id().to_string()])
            .arg(scratch.unwrap_or(Path::new("")))
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        match watchdog {
            Ok(watchdog) => Ok(Self { child, watchdog, ended: None }),
            Err(error) => {
                child.kill()?;
                child.wait()?;
                Err(error)
            }
        }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How the process ended, where it has.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        if self.ended.is_none()
            && let Some(status) = self.child.try_wait()?
        {
            self.retire(status)?;
        }
        Ok(self.ended)
    }

    /// Sends a signal; does nothing when the process has ended.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        match (self.ended, i32::try_from(self.child.id())) {
            // Not reaped yet, so the number is still this process's own.
            (None, Ok(pid)) => kill(Pid::from_raw(pid), signal).map_err(Into::into),
            _ => Ok(()),
        }
    }

    /// SIGKILL, and waits until the process is gone.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.ended {
            return Ok(status);
        }
        self.signal(Signal::SIGKILL)?;
        let status = self.child.wait()?;
        self.retire(status)
    }

    /// SIGTERM, and SIGKILL when the process has not ended within `patience`. Blocks.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn terminate(&mut self, patience: Duration) -> io::Result<ExitStatus> {
        self.signal(Signal::SIGTERM)?;
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if let Some(status) = self.try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.kill()
    }

    /// The watchdog goes as soon as the child is reaped: the child's number may soon belong to another process.
    fn retire(&mut self, status: ExitStatus) -> io::Result<ExitStatus> {
        self.ended = Some(status);
        self.watchdog.kill()?;
        self.watchdog.wait()?;
        Ok(status)
    }
}

impl Drop for OwnedChild {
    fn drop(&mut self) {
        // Nothing can be done about a failure here, and the watchdog remains.
        let _ = self.kill();
    }
}
