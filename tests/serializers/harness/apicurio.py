"""Apicurio Registry, which nobody here wrote: fetched by Maven, asked by Confluent's API."""

import json
import os
import re
import signal
import subprocess
import tarfile
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from matrix import jvm, process
from matrix.manifest import build_folder
from matrix.stack import Failure

VERSION = "3.3.3"
ARTIFACT = f"io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all"
OLDEST_JAVA = 21


def java():
    """A `java` that Apicurio runs on: the one that JAVA_HOME or PATH has, or the newest under /usr/lib/jvm."""
    home = os.environ.get("JAVA_HOME")
    candidates = [Path(home, "bin", "java")] if home else []
    candidates += [Path(folder, "java") for folder in os.get_exec_path()]
    candidates += Path("/usr/lib/jvm").glob("*/bin/java")
    found = {}
    for program in candidates:
        if program.is_file() and program.resolve() not in found:
            found[program.resolve()] = version_of(program)
    newest = max(found, key=found.get, default=None)
    if newest is None or found[newest] < OLDEST_JAVA:
        raise Failure(
            f"Apicurio Registry {VERSION} needs a JDK {OLDEST_JAVA} or newer, and there is none in JAVA_HOME, on PATH or under "
            "/usr/lib/jvm; install one"
        )
    return newest


def version_of(program):
    """Its feature release: 17, 21, 25."""
    told = subprocess.run([program, "-version"], capture_output=True, text=True).stderr
    found = re.search(r'version "(\d+)', told)
    return int(found[1]) if found else 0


def fetched():
    """The folder with the registry."""
    folder = build_folder() / f"apicurio-{VERSION}"
    if (folder / "complete").exists():
        return folder
    jvm.need("mvn")
    folder.mkdir(parents=True, exist_ok=True)
    done = process.run(
        [
            "mvn", "-q", "-B", f"{jvm.DEPENDENCY_PLUGIN}:copy", f"-Dartifact={ARTIFACT}",
            f"-DoutputDirectory={folder}", "-Dmdep.useBaseVersion=true",
        ],
        patience=1200,
    )
    if done.code != 0:
        raise Failure(f"Maven could not fetch {ARTIFACT}\n{done.tail()}")
    archive = folder / f"apicurio-registry-app-{VERSION}-all.tar.gz"
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    archive.unlink()
    (folder / "complete").touch()
    return folder


class Apicurio:
    """The registry, on ports of 127.0.0.1 that stay its own also after a restart, with what it has in a file."""

    def __init__(self, folder, port, management):
        self.program, self.home = java(), fetched()
        self.folder, self.port, self.management = folder, port, management
        self.origin = f"http://127.0.0.1:{port}"
        self.url = f"{self.origin}/apis/ccompat/v7"
        self.service = None

    def start(self):
        env = os.environ | {
            "QUARKUS_HTTP_HOST": "127.0.0.1",
            "QUARKUS_HTTP_PORT": str(self.port),
            "QUARKUS_MANAGEMENT_HOST": "127.0.0.1",
            "QUARKUS_MANAGEMENT_PORT": str(self.management),
            "APICURIO_STORAGE_SQL_KIND": "h2",
            # H2 writes what is committed up to half a second later: killed before, the registry forgets what it answered.
            "APICURIO_DATASOURCE_URL": f"jdbc:h2:file:{self.folder / 'registry'};WRITE_DELAY=0",
        }
        command = [self.program, "-Xmx512m", *jvm.QUICK_START, "-jar", self.home / "quarkus-run.jar"]
        self.service = process.Service(command, self.folder / "apicurio.log", cwd=self.home, env=env)

    def wait_until_ready(self):
        self.service.wait_until("it answers", self.answers, patience=180)

    def answers(self):
        try:
            self.ask("GET", "/subjects")
        except (Failure, OSError):
            return False
        return True

    def ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/vnd.schemaregistry.v1+json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise Failure(f"{method} {path}: {error.code}: {error.read().decode(errors='replace')[:500]}") from None

    def register(self, subject, kind, schema):
        """The schema's id."""
        path = f"/subjects/{urllib.parse.quote(subject, safe='')}/versions"
        return self.ask("POST", path, {"schema": schema, "schemaType": kind})["id"]

    def compatibility(self, subject, level):
        self.ask("PUT", f"/config/{urllib.parse.quote(subject, safe='')}", {"compatibility": level})

    def pause(self):
        self.service.child.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.service.child.send_signal(signal.SIGCONT)

    def kill(self):
        self.service.kill()

    def close(self):
        if self.service:
            self.service.__exit__()
