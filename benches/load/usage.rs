use std::io;
use std::time::Duration;

/// What a process has used since it started.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// In user and in kernel mode.
    pub cpu: Duration,
    /// The most memory that was resident at a time.
    pub peak_resident_bytes: u64,
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
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or_else(wrong)?;
        let peak_kib: u64 = peak.trim().trim_end_matches(" kB").parse().map_err(|_| wrong())?;
        Ok(Self { cpu: Duration::from_millis(ticks * 10), peak_resident_bytes: peak_kib << 10 })
    }
}
