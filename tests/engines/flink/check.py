"""Apache Flink's KafkaSink, at least once with a checkpoint every second, from a mini-cluster."""

import re

from matrix import jvm, process
from matrix.records import SETTINGS, verify, wait_until_visible
from matrix.stack import Failure

NEEDS = ("java", "javac", "mvn")
COUNT, PER_SECOND = 200_000, 40_000
# What Flink's own start scripts open of the JDK.
FLAGS = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in ("java.lang", "java.util", "java.time")]


def check(bench):
    jars = jvm.class_path(bench.sources / "pom.xml")
    classes = bench.folder / "classes"
    jvm.compile(bench.sources / "Job.java", jars, classes)
    flags = [*FLAGS, "-Dorg.slf4j.simpleLogger.log.org.apache.flink.runtime.checkpoint=info"]
    job = jvm.command("Job", f"{classes}:{jars}", bench.servers.kafka, "flink", COUNT, PER_SECOND, heap="1g", flags=flags)
    with bench.check(f"a job of {COUNT:,} records, AT_LEAST_ONCE") as notes:
        done = process.run(job, patience=180)
        if done.code != 0:
            raise Failure(f"the job ended with {done.code}\n{done.tail(30)}")
        checkpoints = len(re.findall("Completed checkpoint", done.err))
        if checkpoints < 3:
            raise Failure(f"only {checkpoints} checkpoints were completed\n{done.tail(30)}")
        notes.append(f"{checkpoints} checkpoints")
    with bench.check("every record is there once, with its values"):
        wait_until_visible(bench.servers, "flink", COUNT)
        verify(bench.servers, "flink", COUNT)
