"""QuestDB and the gateway."""

import http.client
import json
import os
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


class Failure(Exception):
    """What a check found wrong; the first line says it, further ones are what the programs said."""


class Stack:
    """QuestDB and the gateway on free loopback ports; both end with this process."""

    def __init__(self, binary, launcher, folder, settings):
        """`settings` is the gateway's configuration file, as text; it is put into `folder`."""
        config = folder / "quafka.toml"
        config.write_text(settings)
        # A developer's own settings must not change what is tested.
        env = {name: value for name, value in os.environ.items() if not name.startswith("QUAFKA_")}
        # Ctrl-C reaches only the runner, which then ends them in order.
        self.process = subprocess.Popen(
            [launcher, binary, config],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env, process_group=0,
        )
        told = self.process.stdout.readline()
        if not told:
            self.process.wait()
            raise SystemExit("QuestDB and the gateway did not start")
        told = json.loads(told)
        self.binary = binary
        self.kafka, self.admin, self.questdb = told["kafka"], told["admin"], told["questdb"]
        self.gateway_pid, self.gateway_log = told["gateway_pid"], Path(told["gateway_log"])
        self.questdb_pid = told["questdb_pid"]

    def sql(self, query):
        """The rows of the answer, each a list."""
        return self.exec(query)["dataset"]

    def exec(self, query):
        url = f"{self.questdb}/exec?" + urllib.parse.urlencode({"query": query})
        try:
            with urllib.request.urlopen(url, timeout=120) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise Failure(f"{query}: {reason(error)}") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Failure(f"QuestDB does not answer: {error!r}") from None

    def count(self, table):
        """How many rows the table has; 0 where there is no such table."""
        try:
            return self.sql(f"SELECT count() FROM '{table}'")[0][0]
        except Failure as failure:
            if "does not exist" in str(failure):
                return 0
            raise

    def log_size(self):
        return self.gateway_log.stat().st_size if self.gateway_log.exists() else 0

    def log_since(self, size):
        """The lines that the gateway has logged after its log had so many bytes."""
        if not self.gateway_log.exists():
            return []
        with self.gateway_log.open("rb") as file:
            file.seek(size)
            return file.read().decode(errors="replace").splitlines()

    def log_tail(self, since, lines=15):
        return "\n".join(self.log_since(since)[-lines:])

    def log_warnings(self, since):
        return [line.partition(" ")[2].strip() for line in self.log_since(since) if re.search(" (WARN|ERROR) ", line)]

    def alive(self):
        """Whether both still run, and QuestDB answers."""
        try:
            # A program that has ended stays as a zombie until the launcher ends.
            state = re.search(r"^State:\s+(\S)", Path(f"/proc/{self.gateway_pid}/status").read_text(), re.M)[1]
            return self.process.poll() is None and state != "Z" and self.sql("SELECT 1") == [[1]]
        except (OSError, Failure):
            return False

    def peak_resident_mib(self):
        status = Path(f"/proc/{self.gateway_pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024

    def forget_peak(self):
        Path(f"/proc/{self.gateway_pid}/clear_refs").write_text("5")

    def stop(self):
        """Ends both; says whether they ended in order."""
        self.process.stdin.close()
        try:
            return self.process.wait(timeout=150) == 0
        except subprocess.TimeoutExpired:
            self.process.kill()
            return False


def reason(error):
    """What QuestDB says about a query that it refuses."""
    text = error.read().decode(errors="replace")
    try:
        return json.loads(text)["error"]
    except (ValueError, KeyError, TypeError):
        return text


def build(release=False):
    """Builds the gateway, unless QUAFKA_BIN names one, and what starts it; the paths of both."""
    cargo = ["cargo", "build", "--quiet", "--locked"]
    asked = subprocess.run(
        ["cargo", "metadata", "--no-deps", "--format-version", "1"], cwd=ROOT, check=True, stdout=subprocess.PIPE
    )
    target = Path(json.loads(asked.stdout)["target_directory"])
    given = os.environ.get("QUAFKA_BIN")
    subprocess.run([*cargo, "--bin", "quafka", "--example", "test_stack"], cwd=ROOT, check=True)
    if release and not given:
        subprocess.run([*cargo, "--release", "--bin", "quafka"], cwd=ROOT, check=True)
    built = target / ("release" if release else "debug") / "quafka"
    return Path(given or built).absolute(), target / "debug" / "examples" / "test_stack"


def version(binary):
    """What is tested, for a heading: the program's version, and the commit where this is a clone."""
    told = subprocess.run([binary, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    command = ["git", "describe", "--always", "--abbrev=10", "--dirty=, with changes"]
    try:
        commit = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return told
    return f"{told}, commit {commit}"
