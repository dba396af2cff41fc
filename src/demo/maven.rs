//! Artifacts from Maven, by coordinates, kept in a cache folder.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::fcntl::{Flock, FlockArg};

use super::java::{MissingTool, SearchPath, find_maven};

/// Pinned, so that a run does not depend on what the registry calls newest.
pub const DEPENDENCY_PLUGIN: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1";

/// What keeps an artifact from being there.
#[derive(Debug, thiserror::Error)]
pub enum MavenError {
    /// `mvn` is not installed and the cache does not have the artifact.
    #[error(transparent)]
    Missing(#[from] MissingTool),
    /// `mvn` ran and failed.
    #[error("Maven could not fetch {artifact} ({status}). The end of what it said:\n{output}")]
    Failed {
        /// The coordinates.
        artifact: String,
        /// How `mvn` ended.
        status: String,
        /// The tail of its output.
        output: String,
    },
    /// The cache folder cannot be used.
    #[error("{}: {error}", path.display())]
    Cache {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        error: io::Error,
    },
}

/// `$XDG_CACHE_HOME/quafka`, else `~/.cache/quafka`, else a folder beside the system's temporary files.
pub fn cache_folder() -> PathBuf {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_CACHE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(std::env::temp_dir)
        .join("quafka")
}

/// The path of the jar of `group:artifact:version`, fetched by Maven unless `cache` has it. Blocks, for minutes on
/// a slow line.
///
/// # Errors
/// When Maven is missing or fails, or the cache folder cannot be written.
pub fn jar(coordinates: &str, cache: &Path, search: &SearchPath) -> Result<PathBuf, MavenError> {
    let mut parts = coordinates.split(':').skip(1);
    let name = format!("{}-{}.jar", parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    cached(cache, &name, coordinates, search, |maven, scratch| {
        maven
            .arg(format!("{DEPENDENCY_PLUGIN}:copy"))
            .arg(format!("-Dartifact={coordinates}"))
            .arg(format!("-DoutputDirectory={}", scratch.display()));
    })
}

/// The file `name` in `cache`; where absent, Maven is run to make it in a scratch folder, and it is moved into
/// place when complete. So no process ever sees half a file, and of several that want it one fetches it.
///
/// # Errors
/// As [`jar`].
pub fn cached(
    cache: &Path,
    name: &str,
    what: &str,
    search: &SearchPath,
    arguments: impl FnOnce(&mut Command, &Path),
) -> Result<PathBuf, MavenError> {
    let in_cache = |path: &Path, error| MavenError::Cache { path: path.to_owned(), error };
    let file = cache.join(name);
    if file.is_file() {
        return Ok(file);
    }
    let Some(mvn) = find_maven(search) else {
        return Err(MissingTool::Maven { artifact: what.to_owned(), cache: cache.to_owned() }.into());
    };
    fs::create_dir_all(cache).map_err(|error| in_cache(cache, error))?;
    let lock = cache.join("lock");
    let opened = File::create(&lock).map_err(|error| in_cache(&lock, error))?;
    let _lock =
        Flock::lock(opened, FlockArg::LockExclusive).map_err(|(_, errno)| in_cache(&lock, errno.into()))?;
    if file.is_file() {
        return Ok(file);
    }
    let scratch = tempfile::tempdir_in(cache).map_err(|error| in_cache(cache, error))?;
    let mut command = Command::new(mvn);
    command.args(["-q", "-B"]).current_dir(scratch.path()).stdin(Stdio::null());
    arguments(&mut command, scratch.path());
    let output = command.output().map_err(|error| in_cache(Path::new("mvn"), error))?;
    let made = scratch.path().join(name);
    if !output.status.success() || !made.is_file() {
        let said = [output.stdout, output.stderr].concat();
        return Err(MavenError::Failed {
            artifact: what.to_owned(),
            status: output.status.to_string(),
            output: tail(&String::from_utf8_lossy(&said), 20),
        });
    }
    fs::rename(&made, &file).map_err(|error| in_cache(&file, error))?;
    Ok(file)
}

/// The last lines of a text.
pub fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_maven_the_artifact_and_the_cache_are_named() {
        let empty = tempfile::tempdir().unwrap();
        let search = SearchPath { java_home: None, path: empty.path().into() };
        let cache = empty.path().join("cache");
        let error = jar("org.questdb:questdb:9.3.4", &cache, &search).unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "Maven is missing: there is no `mvn` on PATH, and org.questdb:questdb:9.3.4 is not in {} yet.\n\
                 Either install it (Debian, Ubuntu: `apt install maven`), or point quafka at a QuestDB that is already \
                 running: --questdb \"http::addr=127.0.0.1:9000;\"",
                cache.display()
            )
        );
    }

    #[test]
    fn with_the_jar_in_the_cache_maven_is_not_needed() {
        let cache = tempfile::tempdir().unwrap();
        fs::write(cache.path().join("questdb-9.3.4.jar"), "jar").unwrap();
        let search = SearchPath { java_home: None, path: cache.path().into() };
        let found = jar("org.questdb:questdb:9.3.4", cache.path(), &search).unwrap();
        assert_eq!(found, cache.path().join("questdb-9.3.4.jar"));
    }

    #[test]
    fn a_failing_maven_is_quoted_and_leaves_nothing_behind() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let mvn = folder.path().join("mvn");
        fs::write(&mvn, "#!/bin/sh\necho '[ERROR] no route to the registry'\nexit 1\n").unwrap();
        fs::set_permissions(&mvn, fs::Permissions::from_mode(0o755)).unwrap();
        let cache = folder.path().join("cache");
        let search = SearchPath { java_home: None, path: folder.path().into() };
        let error = jar("org.questdb:questdb:9.3.4", &cache, &search).unwrap_err().to_string();
        assert!(
            error.starts_with("Maven could not fetch org.questdb:questdb:9.3.4 (exit status: 1)"),
            "{error}"
        );
        assert!(error.ends_with("[ERROR] no route to the registry"), "{error}");
        let left: Vec<_> = fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["lock"]);
    }
}
