use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use super::file::{Report, Section};
use super::limits::{size, span};
use super::units::Size;

/// When a batch counts as taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// When QuestDB has committed its rows. The gateway holds nothing that was acknowledged.
    #[default]
    Direct,
    /// Likewise, while QuestDB answers in time; else when the batch is in the spool.
    Overflow,
    /// When the batch is in the spool. QuestDB follows.
    Spool,
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Direct => "direct",
            Self::Overflow => "overflow",
            Self::Spool => "spool",
        })
    }
}

/// The spool: the folder `spool` in the data dir.
#[derive(Clone, Debug, PartialEq)]
pub struct SpoolConfig {
    /// What it may take on the disk, in bytes.
    pub bytes: usize,
    /// The size of its files, in bytes.
    pub segment_bytes: usize,
    /// How long a batch waits for QuestDB before it goes into the spool, with [`Durability::Overflow`].
    pub overflow_after: Duration,
}

impl Default for SpoolConfig {
    fn default() -> Self {
        Self { bytes: 10 << 30, segment_bytes: 64 << 20, overflow_after: Duration::from_secs(1) }
    }
}

impl SpoolConfig {
    /// Reads `[spool]`.
    pub(super) fn load(top: &mut Section<'_>, report: &mut Report<'_>) -> Self {
        let default = Self::default();
        let mut section = top.section("spool", report);
        let bytes = size(&mut section, "bytes", report).unwrap_or(default.bytes);
        let segment_bytes = size(&mut section, "segment_bytes", report);
        let spool = Self {
            bytes,
            // A small spool has files that come and go, too.
            segment_bytes: segment_bytes.unwrap_or(default.segment_bytes.min(bytes / 4)),
            overflow_after: span(&mut section, "overflow_after", report).unwrap_or(default.overflow_after),
        };
        section.finish(report);
        if segment_bytes.is_some() && spool.segment_bytes > bytes / 2 {
            let reason = format!(
                "{} is more than half of spool.bytes, {}: room comes back file by file",
                Size(spool.segment_bytes),
                Size(bytes)
            );
            report.error("spool.segment_bytes", reason);
        }
        if bytes < BYTES_MIN {
            report.error("spool.bytes", format!("{} is less than {}", Size(bytes), Size(BYTES_MIN)));
        }
        spool
    }
}

/// With less there is no room for the largest batches of a few producers.
const BYTES_MIN: usize = 16 << 20;
