use std::io;
use std::ops::Sub;
use std::time::Duration;

/// What a process has used since it started, or, as a difference, since an earlier look.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// In user and in kernel mode.
    pub cpu: Duration,
    /// The most memory that was resident at a time, since the start or the last [`forget_peak`].
    pub peak_resident_bytes: u64,
    /// What is resident now.
    pub resident_bytes: u64,
}

impl Usage {
    /// From `/proc`, so on Linux only.
    pub fn of(pid: u32) -> io::Result<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let wrong = || io::Error::other(format!("/proc/{pid} does not look as expected"));
        // The name in parentheses may hold spaces. Behind it utime and stime are fields 12 and 13, in ticks, of which
        // Linux shows 100 a second to programs.
        let (_, fields) = stat.rsplit_once(") ").ok_or_else(wrong)?;
        let ticks: u64 =
            fields.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        let bytes = |name: &str| {
            let text = status.lines().find_map(|line| line.strip_prefix(name)).ok_or_else(wrong)?;
            let kib: u64 = text.trim().trim_end_matches(" kB").parse().map_err(|_| wrong())?;
            Ok::<_, io::Error>(kib << 10)
        };
        Ok(Self {
            cpu: Duration::from_millis(ticks * 10),
            peak_resident_bytes: bytes("VmHWM:")?,
            resident_bytes: bytes("VmRSS:")?,
        })
    }
}

impl Sub for Usage {
    type Output = Self;

    /// The CPU time since an earlier look; memory is as it is.
    fn sub(self, earlier: Self) -> Self {
        Self { cpu: self.cpu.saturating_sub(earlier.cpu), ..self }
    }
}

/// From here on, a process's peak is that of what follows.
pub fn forget_peak(pid: u32) -> io::Result<()> {
    std::fs::write(format!("/proc/{pid}/clear_refs"), "5")
}
