"""Every client in every way that it has; what counts is what QuestDB has, not what the client says."""

import json
import re
import time
from dataclasses import dataclass, field

from . import process
from .records import verify, wait_until_visible
from .stack import Failure

MANY = 100_000
QUICK = 20_000
# A client may take a minute to deliver; beyond that is its start, which takes a JVM long on a busy machine.
PATIENCE = 120


@dataclass(frozen=True)
class Way:
    """A way to produce."""

    codec: str = "none"
    acks: str = "all"
    idempotent: bool = False
    keys: bool = False
    headers: bool = False
    count: int = MANY

    def __str__(self):
        extras = [name for name in ("idempotent", "keys", "headers") if getattr(self, name)]
        count = "1 record" if self.count == 1 else f"{self.count:,} records"
        return ", ".join([f"{self.codec:<6} acks={self.acks:<3}", *extras]) + f": {count}"

    def topic(self, client):
        return re.sub("[^a-z0-9]+", "-", f"{client.name} {self}".lower()).strip("-")

    def arguments(self):
        given = ["--codec", self.codec, "--acks", self.acks, "--idempotence", str(self.idempotent).lower()]
        return given + ["--keys"] * self.keys + ["--headers"] * self.headers


def all_ways(client, codecs):
    """Every codec with every setting, one record and many; then with keys and headers every codec, and every setting."""
    settings = client.settings()
    ways = [Way(codec, *pair, count=count) for count in (1, MANY) for codec in codecs for pair in settings]
    if client.keys or client.headers:
        extras = {"keys": client.keys, "headers": client.headers}
        ways += [Way(codec, *settings[-1], **extras) for codec in codecs]
        ways += [Way(codecs[-1], *pair, **extras, count=count) for pair in settings[:-1] for count in (1, MANY)]
    return ways


def quick_ways(client, codecs, turn):
    """Every codec once, and over the codecs every setting; `turn` makes clients differ in which comes with which."""
    settings = client.settings()
    ways = [
        Way(codec, *settings[(turn + index) % len(settings)], count=QUICK) for index, codec in enumerate(codecs)
    ]
    tested = {(way.acks, way.idempotent) for way in ways}
    ways += [Way(codecs[0], *pair, count=QUICK) for pair in settings if pair not in tested]
    codec = codecs[turn % len(codecs)]
    return ways + [Way(codec, *settings[-1], keys=client.keys, headers=client.headers, count=QUICK)]


@dataclass
class Results:
    """What became of a client's runs."""

    client: object
    version: str = ""
    ways: dict = field(default_factory=dict)  # Way -> None, or why it failed
    records: int = 0
    broken: str = ""  # why it could not be run at all

    def failures(self):
        return [(way, reason) for way, reason in self.ways.items() if reason]


def produce(stack, inputs, client, way, topic):
    """One run of the client's program; the version that it says it is."""
    command = [
        *client.command, "--brokers", stack.kafka, "--topic", topic,
        "--file", str(inputs.file(way.count, way.keys)), *way.arguments(),
    ]
    folder = client.home.folder
    if (folder / command[0]).exists():
        command[0] = str(folder / command[0])
    done = process.run(command, PATIENCE, cwd=folder, env=client.home.environment())
    if done.code != 0:
        raise Failure(f"it ended with {done.code}: {said(done)}\n{done.tail()}")
    lines = done.out.splitlines()
    try:
        told = json.loads(lines[0]) if len(lines) == 1 else None
        version, sent, acked, errors = (told[name] for name in ("version", "sent", "acked", "errors"))
    except (ValueError, KeyError, TypeError):
        raise Failure(f"it did not print one line of JSON with its result\n{done.out[-2000:]}\n{done.tail()}") from None
    if errors or sent != way.count or acked != way.count:
        raise Failure(f"it sent {sent} of {way.count} records, {acked} are acknowledged: {errors[:3]}\n{done.tail()}")
    if not version or client.version not in version:
        raise Failure(f"it is version {version!r}; the manifest says {client.version!r}")
    return version


def said(done):
    """The program's own errors, if it got as far as its result."""
    try:
        return "; ".join(map(str, json.loads(done.out.splitlines()[-1])["errors"][:3]))
    except (ValueError, KeyError, TypeError, IndexError):
        return (done.tail(1) or "it said nothing")[:300]


def run_way(stack, report, inputs, results, way):
    client, topic = results.client, way.topic(results.client)
    try:
        with report.check(str(way), stack):
            try:
                results.version = produce(stack, inputs, client, way, topic)
                wait_until_visible(stack, topic, way.count)
                verify(stack, topic, way.count, way.keys, client.name if way.headers else None)
                results.ways[way] = None
                results.records += way.count
            except Failure as failure:
                results.ways[way] = str(failure).splitlines()[0]
                raise
    finally:
        results.ways.setdefault(way, "interrupted")


def run_client(stack, report, inputs, client, ways):
    """All its ways; and at the end, no table may have got more rows than it had: what comes twice comes late."""
    report.heading(f"{client.name} ({client.language})")
    results = Results(client)
    for way in ways:
        run_way(stack, report, inputs, results, way)
        if results.ways[way] and not stack.alive():
            for left in ways[len(results.ways):]:
                results.ways[left] = "not run, as the gateway or QuestDB had ended"
            return results
    with report.check("no table has grown since", stack):
        time.sleep(0.5)
        for way, reason in results.ways.items():
            rows = stack.count(way.topic(client))
            if reason is None and rows != way.count:
                results.ways[way] = f"{rows} rows in the end, not {way.count}"
                raise Failure(f"{way.topic(client)}: {rows} rows, not {way.count}")
        # Hundreds of tables would only slow QuestDB down.
        for way in results.ways:
            stack.exec(f"DROP TABLE IF EXISTS '{way.topic(client)}'")
    return results
