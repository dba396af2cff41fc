"""tests/serializers/<language>/serializers.toml: which serializers there are, how they are built and run, and what each can do."""

import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from matrix import process
from matrix.manifest import Language
from matrix.stack import Failure

HERE = Path(__file__).resolve().parents[1]


@dataclass
class Program:
    """A serializer, as its manifest describes it."""

    home: Language
    name: str
    what: str
    language: str
    command: list = field(default_factory=lambda: ["./run"])
    formats: tuple = ("avro", "json", "protobuf")
    # What its topics have to be configured with, as TOML, by format.
    settings: dict = field(default_factory=dict)
    # Whether it is a part of a quick run.
    quick: bool = True
    # Whether it also sends values as they are.
    raw: bool = False
    notes: str = ""

    def command_line(self, brokers, registry, topic, kind, job):
        given = {"brokers": brokers, "registry": registry.url, "apicurio": registry.origin, "topic": topic}
        given |= {"format": kind, "job": str(job)}
        return [*self.command, *(word for name, value in given.items() for word in (f"--{name}", value))]

    def send(self, brokers, registry, topic, kind, job, folder, patience=120):
        """Sends all records of a job; what the program says of itself."""
        file = folder / f"{topic}.job.json"
        file.write_text(json.dumps(job))
        command = self.command_line(brokers, registry, topic, kind, file)
        done = process.run(command, patience, cwd=self.home.folder, env=self.home.environment())
        return self.said(done, len(job["records"]))

    def said(self, done, count):
        try:
            said = json.loads(done.out.strip().splitlines()[-1])
        except (ValueError, IndexError):
            raise Failure(f"{self.name} ended with {done.code} and did not say what became of it\n{done.tail()}") from None
        if done.code != 0 or said["acked"] != count or said["errors"]:
            raise Failure(f"{said['acked']} of {count} are acknowledged: {said['errors'][:3]}\n{done.tail()}")
        return said


def load(only):
    """All serializers, in the order of their folders."""
    programs = []
    for file in sorted(HERE.glob("*/serializers.toml")):
        manifest = tomllib.loads(file.read_text())
        home = Language(file.parent, manifest.get("build", []), manifest.get("needs", []))
        for entry in manifest["serializer"]:
            try:
                programs.append(Program(home, **entry))
            except TypeError as error:
                raise SystemExit(f"{file}: {error}") from None
    names = [program.name for program in programs]
    if unknown := set(only or ()) - set(names):
        raise SystemExit(f"no such serializer: {', '.join(sorted(unknown))}; there are: {', '.join(names)}")
    return [program for program in programs if not only or program.name in only]

