//! Finding a Java runtime and Maven, and saying precisely what is missing.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest Java that QuestDB 9.3 runs on.
pub const OLDEST_JAVA: u32 = 17;

/// Where tools are looked for: the process's environment, or a made-up one in tests.
#[derive(Clone, Debug)]
pub struct SearchPath {
    /// `JAVA_HOME`.
    pub java_home: Option<PathBuf>,
    /// `PATH`.
    pub path: OsString,
}

impl SearchPath {
    /// `JAVA_HOME` and `PATH` of this process.
    pub fn from_environment() -> Self {
        Self {
            java_home: std::env::var_os("JAVA_HOME").filter(|home| !home.is_empty()).map(PathBuf::from),
            path: std::env::var_os("PATH").unwrap_or_default(),
        }
    }

    fn find(&self, program: &str) -> Option<PathBuf> {
        std::env::split_paths(&self.path).map(|folder| folder.join(program)).find(|file| file.is_file())
    }
}

/// A Java runtime that is new enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Java {
    /// The `java` program.
    pub program: PathBuf,
    /// The feature release: 17, 21, 25.
    pub version: u32,
}

/// What keeps QuestDB from being started. Each text ends with the two ways on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MissingTool {
    /// Neither `JAVA_HOME` nor `PATH` leads to a `java`.
    #[error(
        "Java is missing: there is no `java` in {looked_in}. QuestDB needs a JDK {OLDEST_JAVA} or newer.\n{}",
        ways_on("openjdk-17-jdk-headless")
    )]
    Java {
        /// The places that were looked at, in words.
        looked_in: String,
    },
    /// There is a `java`, but QuestDB does not run on it.
    #[error("Java is too old: {} is version {version}; QuestDB needs a JDK {OLDEST_JAVA} or newer.\n{}", program.display(), ways_on("openjdk-17-jdk-headless"))]
    OldJava {
        /// The `java` that was found.
        program: PathBuf,
        /// Its feature release.
        version: u32,
    },
    /// `java -version` did not say a version.
    #[error("Java does not work: {}: {problem}.\n{}", program.display(), ways_on("openjdk-17-jdk-headless"))]
    BrokenJava {
        /// The `java` that was found.
        program: PathBuf,
        /// What it said, or why it did not start.
        problem: String,
    },
    /// There is no `mvn`, and what it would fetch is not in the cache.
    #[error("Maven is missing: there is no `mvn` on PATH, and {artifact} is not in {} yet.\n{}", cache.display(), ways_on("maven"))]
    Maven {
        /// The coordinates of what was to be fetched.
        artifact: String,
        /// Where it would be kept.
        cache: PathBuf,
    },
}

fn ways_on(package: &str) -> String {
    format!(
        "Either install it (Debian, Ubuntu: `apt install {package}`), or point quafka at a QuestDB that is already running: \
         --questdb \"http::addr=127.0.0.1:9000;\""
    )
}

/// The first Java in `JAVA_HOME`, then on `PATH`, that is new enough.
///
/// # Errors
/// Says what was found instead; of several unsuitable ones, the first.
pub fn find_java(search: &SearchPath) -> Result<Java, MissingTool> {
    let from_home =
        search.java_home.as_ref().map(|home| home.join("bin").join("java")).filter(|p| p.is_file());
    let mut first_problem = None;
    for program in from_home.into_iter().chain(search.find("java")) {
        match version_of(&program) {
            Ok(version) if version >= OLDEST_JAVA => return Ok(Java { program, version }),
            Ok(version) => first_problem.get_or_insert(MissingTool::OldJava { program, version }),
            Err(problem) => first_problem.get_or_insert(MissingTool::BrokenJava { program, problem }),
        };
    }
    Err(first_problem.unwrap_or_else(|| MissingTool::Java {
        looked_in: match &search.java_home {
            Some(home) => format!("JAVA_HOME ({}) nor on PATH", home.display()),
            None => "PATH, and JAVA_HOME is not set".to_owned(),
        },
    }))
}

/// The `mvn` on `PATH`, if any.
pub fn find_maven(search: &SearchPath) -> Option<PathBuf> {
    search.find("mvn")
}

fn version_of(program: &Path) -> Result<u32, String> {
    let output = Command::new(program)
        .arg("-version")
        // A user's JAVA_TOOL_OPTIONS would add lines of its own and may not even start.
        .env_remove("JAVA_TOOL_OPTIONS")
        .output()
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stderr);
    parse_version(&text).ok_or_else(|| {
        let line = text.lines().next().unwrap_or_default().trim();
        format!("`java -version` ended with {} and said `{line}`", output.status)
    })
}

/// The feature release in what `java -version` prints: `openjdk version "17.0.15" 2025-04-15` is 17,
/// `java version "1.8.0_412"` is 8, `openjdk version "25-ea"` is 25.
pub fn parse_version(output: &str) -> Option<u32> {
    let quoted = output.lines().find_map(|line| line.split_once(" version \"")?.1.split('"').next())?;
    let mut numbers = quoted.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    match (numbers.next()?.ok()?, numbers.next()) {
        (1, Some(Ok(minor))) => Some(minor),
        (major, _) => Some(major),
    }
}

/// What QuestDB needs from the Java of this release to start and to keep its workers alive.
pub fn questdb_flags(version: u32) -> Vec<&'static OsStr> {
    let mut flags = vec![
        "--add-opens=java.base/java.lang=ALL-UNNAMED",
        "--add-opens=java.base/java.lang.reflect=ALL-UNNAMED",
        "--add-opens=java.base/java.nio=ALL-UNNAMED",
        "--add-opens=java.base/java.time.zone=ALL-UNNAMED",
    ];
    if version >= 24 {
        flags.extend([
            "--sun-misc-unsafe-memory-access=allow",
            "--enable-native-access=ALL-UNNAMED",
            "--add-exports=java.base/jdk.internal.vm=ALL-UNNAMED",
        ]);
    }
    flags.into_iter().map(OsStr::new).collect()
}

#[cfg(test)]
#[path = "java_tests.rs"]
mod tests;
