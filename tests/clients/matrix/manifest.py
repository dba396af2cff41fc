"""tests/clients/<language>/clients.toml: which clients there are, how they are built and run, and what each can do."""

import os
import shutil
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from . import process
from .records import CODECS
from .stack import ROOT, Failure

CLIENTS = Path(__file__).resolve().parents[1]
ACKS = ("0", "1", "all")


def build_folder():
    """Where clients are built: what `cargo clean` removes and git ignores, unless QUAFKA_CLIENTS_BUILD says otherwise."""
    return Path(os.environ.get("QUAFKA_CLIENTS_BUILD") or ROOT / "target" / "clients").absolute()


@dataclass
class Language:
    """One folder with its clients."""

    folder: Path
    build: list
    needs: list
    clients: list = field(default_factory=list)

    def environment(self):
        return os.environ | {"QUAFKA_CLIENTS_BUILD": str(build_folder())}

    def prepare(self, patience=1800):
        """Builds what its clients need; again only what has changed, as the tools see it."""
        missing = [program for program in self.needs if not shutil.which(program)]
        if missing:
            raise Failure(f"not on PATH: {', '.join(missing)}; the clients in {self.folder.name}/ need it")
        if self.build:
            (build_folder() / self.folder.name).mkdir(parents=True, exist_ok=True)
            done = process.run(self.build, patience, cwd=self.folder, env=self.environment())
            if done.code != 0:
                raise Failure(f"{' '.join(self.build)} ended with {done.code}\n{done.tail(40)}")


@dataclass
class Client:
    """A client, as its manifest describes it."""

    home: Language
    name: str
    command: list
    language: str
    snippet: str
    version: str = ""
    codecs: tuple = CODECS
    acks: tuple = ACKS
    idempotence: tuple = (True, False)
    headers: bool = True
    keys: bool = True
    notes: str = ""

    def settings(self):
        """The pairs of acks and idempotence that it can do: idempotence is for acks=all only."""
        pairs = [(acks, False) for acks in ACKS if acks in self.acks and False in self.idempotence]
        if True in self.idempotence and "all" in self.acks:
            pairs.append(("all", True))
        return pairs

    def snippet_file(self):
        return self.home.folder / self.snippet


def load():
    """All languages that have a manifest, in the order of their names."""
    languages = [read(file) for file in sorted(CLIENTS.glob("*/clients.toml"))]
    names = [client.name for language in languages for client in language.clients]
    for name in names:
        if names.count(name) > 1:
            raise SystemExit(f"two clients have the name {name}")
    return languages


def read(file):
    manifest = tomllib.loads(file.read_text())
    language = Language(file.parent, manifest.pop("build", []), manifest.pop("needs", []))
    entries = manifest.pop("client", [])
    if manifest:
        raise SystemExit(f"{file}: unknown: {', '.join(manifest)}")
    for entry in entries:
        try:
            client = Client(language, **entry)
        except TypeError as error:
            raise SystemExit(f"{file}: {entry.get('name', 'a client without a name')}: {error}") from None
        wrong = [f"{codec} is no codec" for codec in client.codecs if codec not in CODECS]
        wrong += [f"acks = {acks!r}" for acks in client.acks if acks not in ACKS]
        if not client.codecs or not client.settings():
            wrong.append("no way to produce")
        if wrong:
            raise SystemExit(f"{file}: {client.name}: {', '.join(wrong)}")
        language.clients.append(client)
    return language
