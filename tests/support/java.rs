//! Kafka's own producer, from Maven.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use quafka::demo::java::{SearchPath, find_java};
use quafka::demo::maven::{self, DEPENDENCY_PLUGIN};

/// Also in `tests/clients/java/pom.xml`.
const KAFKA: &str = "4.1.1";

/// Runs `org.apache.kafka.tools.ProducerPerformance`, which `kafka-producer-perf-test.sh` runs, to its end. `args`
/// are what that script takes besides the bootstrap address, such as `["--topic", "t", "--num-records", "1000",
/// "--record-size", "100", "--throughput", "-1"]`. Fails the test where Java or Maven is missing; what the producer
/// itself says is in the output. Blocks: from async code call it in `spawn_blocking`.
pub fn producer_performance(bootstrap: &str, args: &[&str]) -> Output {
    let java = find_java(&SearchPath::from_environment()).unwrap_or_else(|error| panic!("{error}"));
    Command::new(java.program)
        .args(["-Xmx256m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"])
        .arg("-cp")
        .arg(class_path())
        .arg("org.apache.kafka.tools.ProducerPerformance")
        .args(args)
        .args(["--producer-props", &format!("bootstrap.servers={bootstrap}")])
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// The jars of kafka-tools and all that it needs, joined by `:`. Maven is asked once; the answer is kept by version.
fn class_path() -> String {
    let pom = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/clients/java/pom.xml");
    let name = format!("kafka-tools-{KAFKA}.classpath");
    let cache = maven::cache_folder();
    let resolve = || {
        maven::cached(
            &cache,
            &name,
            &format!("kafka-tools {KAFKA}"),
            &SearchPath::from_environment(),
            |mvn, scratch| {
                mvn.arg("-f")
                    .arg(&pom)
                    .arg(format!("-Dkafka.version={KAFKA}"))
                    .arg(format!("{DEPENDENCY_PLUGIN}:build-classpath"))
                    .arg(format!("-Dmdep.outputFile={}", scratch.join(&name).display()));
            },
        )
        .unwrap_or_else(|error| panic!("{error}"))
    };
    let file = resolve();
    let jars = std::fs::read_to_string(&file).unwrap();
    // The list is of files in Maven's own repository, which may have been emptied since.
    if std::env::split_paths(&jars).all(|jar| jar.is_file()) {
        return jars;
    }
    std::fs::remove_file(&file).unwrap();
    std::fs::read_to_string(resolve()).unwrap()
}
