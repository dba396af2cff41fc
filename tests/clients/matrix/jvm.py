"""Java programs and their jars, which Maven fetches."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from . import process
from .manifest import build_folder
from .stack import Failure

DEPENDENCY_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"


def class_path(pom):
    """The jars of a pom's dependencies. Maven is asked once, and again when the pom has changed or a jar is gone."""
    digest = hashlib.sha256(pom.read_bytes()).hexdigest()[:16]
    kept = build_folder() / "class-paths" / digest
    if kept.exists() and all(Path(jar).exists() for jar in kept.read_text().split(os.pathsep)):
        return kept.read_text()
    need("java", "mvn")
    kept.parent.mkdir(parents=True, exist_ok=True)
    made = kept.with_suffix(f".{os.getpid()}")
    done = process.run(
        ["mvn", "-q", "-B", "-f", pom, f"{DEPENDENCY_PLUGIN}:build-classpath", f"-Dmdep.outputFile={made}"], patience=1200
    )
    if done.code != 0:
        raise Failure(f"Maven could not fetch what {pom} names\n{done.tail()}")
    made.replace(kept)
    return kept.read_text()


def need(*programs):
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        raise Failure(f"not on PATH: {', '.join(missing)}")


def compile(source, jars, folder):
    """Compiles one source file into `folder`, which is made."""
    need("javac")
    folder.mkdir(parents=True)
    subprocess.run(["javac", "-cp", jars, "-d", folder, source], check=True)


# For programs that run for seconds, and are not measured.
QUICK_START = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


def command(main_class, jars, *arguments, heap="256m", flags=(), quick_start=QUICK_START):
    """How a main class is run. Its warnings come on stderr, by slf4j-simple."""
    logging = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
    return ["java", f"-Xmx{heap}", *quick_start, logging, *flags, "-cp", jars, main_class, *map(str, arguments)]
