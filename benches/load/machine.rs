//! What the figures were made on.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use quafka::demo::questdb_server::QUESTDB;
use serde_json::{Value, json};

/// For the results.
pub fn describe() -> Value {
    let cpu = after("/proc/cpuinfo", "model name");
    let memory_kib = after("/proc/meminfo", "MemTotal")
        .and_then(|text| text.trim_end_matches(" kB").trim().parse::<u64>().ok());
    json!({
        "cpu": cpu,
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "memory_gib": memory_kib.map(|kib| (kib as f64 / f64::from(1 << 20)).round()),
        "kernel": fs::read_to_string("/proc/sys/kernel/osrelease").map(|text| text.trim().to_owned()).ok(),
        "compiler": told("rustc", &["--version"]),
        "java": java(),
        "quafka": env!("CARGO_PKG_VERSION"),
        "commit": told("git", &["describe", "--always", "--abbrev=10", "--dirty=, with changes"]),
        "questdb": QUESTDB,
        "build": if cfg!(debug_assertions) { "debug" } else { "release" },
        "date": jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string(),
    })
}

/// As many open files as the system lets this process have: two for each of many connections, and the gateway inherits it.
pub fn raise_the_limit_of_files() -> io::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?)
}

/// What a file of `/proc` says after a name and a colon.
fn after(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn told(program: &str, arguments: &[&str]) -> Option<String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(program).args(arguments).current_dir(here).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Java tells its version on standard error.
fn java() -> Option<String> {
    let output = Command::new("java").arg("-version").env_remove("JAVA_TOOL_OPTIONS").output().ok()?;
    let said = String::from_utf8_lossy(&output.stderr);
    Some(said.split('"').nth(1)?.to_owned())
}
