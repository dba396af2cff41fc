"""A suite's source, as the package registry has it: downloaded by the language's own client, copied, built."""

import json
import os
import re
import shutil
import stat
from pathlib import Path

from matrix import process
from matrix.stack import ROOT, Failure

# Building takes what it takes on a machine that does other things, too.
BUILD_SECONDS = 3600


def must(command, cwd, env=None):
    done = process.run(command, BUILD_SECONDS, cwd=cwd, env=os.environ | (env or {}))
    if done.code != 0:
        raise Failure(f"{' '.join(map(str, command))} ended with {done.code}\n{done.tail(30)}")
    return done


def copy(original, suite, folder):
    """A copy that may be changed; what was built of an earlier one is kept beside it."""
    copied = folder / "source"
    shutil.rmtree(copied, ignore_errors=True)
    # With the files' times, so that what need not be built again is not.
    shutil.copytree(original, copied, copy_function=shutil.copy2)
    for path in [copied, *copied.rglob("*")]:
        path.chmod(path.stat().st_mode | stat.S_IWUSR)
    for edit in suite.edits:
        file = copied / edit["file"]
        text = file.read_text()
        if edit["replace"] not in text:
            raise Failure(f"{edit['file']} has no {edit['replace']!r}")
        file.write_text(text.replace(edit["replace"], edit["by"]))
    return copied


class GoSource:
    """A Go module. Its tests are one program for each package, of which a suite names one."""

    def __init__(self, suite, folder):
        self.suite = suite
        told = must(["go", "mod", "download", "-json", f"{suite.package}@{suite.version}"], folder)
        self.source = copy(Path(json.loads(told.out)["Dir"]), suite, folder)
        self.program = folder / "suite.test"

    def build(self):
        [package] = {os.path.dirname(entry["files"]) or "." for entry in self.suite.tests}
        self.home = self.source / package
        must(["go", "test", "-c", "-tags", "functional", "-o", self.program, "."], self.home)

    def tests(self):
        found = []
        for entry in self.suite.tests:
            for file in sorted(self.source.glob(entry["files"])):
                for function in re.finditer(r"^func (Test\w+)\(.*?^}", file.read_text(), re.DOTALL | re.MULTILINE):
                    if function[1] != "TestMain" and re.search(entry.get("with", ""), function[0]):
                        found.append(function[1])
        return found

    def run(self, test, seconds, env):
        """Did it pass, and what did it say? Go itself ends a test that takes too long, and tells where it was."""
        limit = f"-test.timeout={seconds}s"
        command = [self.program, f"-test.run=^{test}$", "-test.v", "-test.count=1", limit]
        done = process.run(command, seconds + 60, cwd=self.home, env=env)
        said = done.out + done.err
        passed = re.search(f"^--- PASS: {test} ", said, re.MULTILINE)
        return done.code == 0 and passed is not None, said


class RustSource:
    """A crate. Its tests are one program for each file in tests/."""

    def __init__(self, suite, folder):
        self.suite = suite
        # The package with the Rust clients has this crate in its lock file.
        manifest = ROOT / "tests" / "clients" / "rust" / "Cargo.toml"
        told = must(["cargo", "metadata", "--locked", "--format-version", "1", "--manifest-path", manifest], folder)
        packages = json.loads(told.out)["packages"]
        wanted = (suite.package, suite.version)
        found = [package for package in packages if (package["name"], package["version"]) == wanted]
        if not found:
            raise Failure(f"{manifest}: its lock file has no {suite.package} {suite.version}")
        self.source = copy(Path(found[0]["manifest_path"]).parent, suite, folder)
        # It must not look for a workspace around it.
        with (self.source / "Cargo.toml").open("a") as file:
            file.write("\n[workspace]\n")
        for package, version in suite.updates.items():
            command = ["cargo", "update", "--manifest-path", self.source / "Cargo.toml"]
            must([*command, "--package", package, "--precise", version], folder)
        self.folder = folder
        self.programs = {}

    def build(self):
        command = ["cargo", "test", "--locked", "--no-run", "--tests", "--message-format", "json"]
        command += ["--manifest-path", self.source / "Cargo.toml", "--target-dir", self.folder / "target"]
        # Outside of its folder, so that it is this machine's compiler and not the one that the crate would like to have.
        for line in must(command, self.folder).out.splitlines():
            message = json.loads(line)
            if message.get("executable"):
                self.programs[message["target"]["name"]] = message["executable"]

    def tests(self):
        found = []
        for entry in self.suite.tests:
            for file in sorted(self.source.glob(entry["files"])):
                for function in re.finditer(r"^async fn (test_\w+)\(.*?^}", file.read_text(), re.DOTALL | re.MULTILINE):
                    if not ("without" in entry and re.search(entry["without"], function[0])):
                        found.append(f"{file.stem}::{function[1]}")
        return found

    def run(self, test, seconds, env):
        """Did it pass, and what did it say?"""
        program, name = test.split("::")
        command = [self.programs[program], "--exact", name, "--nocapture"]
        try:
            done = process.run(command, seconds, cwd=self.source, env=env)
        except Failure as failure:
            return False, str(failure)
        said = done.out + done.err
        return done.code == 0 and "1 passed" in said and not re.search("(?i)^skipping", said, re.MULTILINE), said


def fetch(suite, folder):
    kinds = {"go": GoSource, "rust": RustSource}
    return kinds[suite.kind](suite, folder)
