"""docs/clients.md: the table of a run, and a snippet of each client's program."""

import datetime
import re
import string
import textwrap
from pathlib import Path

from .records import CODECS

TEMPLATE = Path(__file__).with_name("clients.md.in")
LANGUAGES = {"C": "sh", "C#": "csharp", "Node": "js", "Node.js": "js"}
SNIPPET_LINES = 25


class WrongDocs(Exception):
    """What in the docs is not as the programs are."""


def snippet(client):
    """The lines between `docs:begin` and `docs:end` of the client's program."""
    found = re.search(r"^[^\n]*docs:begin[^\n]*\n(.*?)^[^\n]*docs:end", client.snippet_file().read_text(), re.S | re.M)
    if not found:
        raise WrongDocs(f"{client.snippet_file()}: no lines between docs:begin and docs:end")
    text = textwrap.dedent(found[1]).strip("\n")
    if len(text.splitlines()) > SNIPPET_LINES:
        raise WrongDocs(f"{client.snippet_file()}: more than {SNIPPET_LINES} lines between docs:begin and docs:end")
    return text


def section(clients):
    """The clients of one program, with its snippet."""
    syntax = LANGUAGES.get(clients[0].language, clients[0].language.lower())
    names = ", ".join(client.name for client in clients)
    return f"### {names} ({clients[0].language})\n\n```{syntax}\n{snippet(clients[0])}\n```"


def sections(languages):
    """All snippets; a program that serves several clients comes once."""
    programs = {}
    for language in languages:
        for client in language.clients:
            programs.setdefault(client.snippet_file(), []).append(client)
    return "\n\n".join(map(section, programs.values()))


def cell(results, codec):
    """The settings with which all of a codec's ways passed."""
    client = results.client
    if codec not in client.codecs:
        return "–"
    parts = []
    for acks, idempotent in client.settings():
        name = "idem" if idempotent else acks
        ways = [
            reason for way, reason in results.ways.items()
            if (way.codec, way.acks, way.idempotent) == (codec, acks, idempotent)
        ]
        if any(ways):
            parts.append(f"**{name} fails**")
        elif ways:
            parts.append(name)
    return " ".join(parts) or "**not run**"


def extras(results):
    """Whether keys and headers passed wherever they were sent."""
    told = []
    for name in ("keys", "headers"):
        if not getattr(results.client, name):
            continue
        ways = [reason for way, reason in results.ways.items() if getattr(way, name)]
        if ways:
            told.append(f"**{name} fail**" if any(ways) else name)
    return ", ".join(told) or "–"


def table(all_results):
    lines = [
        f"| client | version | {' | '.join(CODECS)} | with | records | |",
        f"|---|---|{'---|' * len(CODECS)}---|---:|---|",
    ]
    for results in all_results:
        client = results.client
        cells = [f"{client.name} ({client.language})", results.version or client.version]
        cells += [cell(results, codec) for codec in CODECS]
        cells += [extras(results), f"{results.records:,}", client.notes]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def failures(all_results):
    lines = [f"- {results.client.name}: {results.broken}" for results in all_results if results.broken]
    lines += [
        f"- {results.client.name}, {way}: {reason}" for results in all_results for way, reason in results.failures()
    ]
    if not lines:
        return "Nothing failed."
    return "What failed, and how:\n\n" + "\n".join(line.replace("\n", " ") for line in lines)


class Page:
    """The page, before the run that it is about: a wrong snippet is told before an hour of runs, not after it."""

    def __init__(self, languages):
        self.template = string.Template(TEMPLATE.read_text())
        self.snippets = sections(languages)

    def text(self, all_results, tested, counts):
        """The whole page. `counts` says how many records a run sends."""
        return self.template.substitute(
            stamp=stamp(all_results, tested), counts=counts, table=table(all_results), failures=failures(all_results),
            snippets=self.snippets,
        )


def stamp(all_results, tested):
    """When it ran, and with what."""
    runs = sum(len(results.ways) for results in all_results)
    records = sum(results.records for results in all_results)
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    return (
        f"{today}, {tested}: {runs:,} runs, {records:,} records.\n"
        "`tests/clients/run --table docs/clients.md` makes this page."
    )


def refresh(file, languages):
    """Puts today's snippets into the page and leaves the run's table as it is."""
    head, heading, _ = split(file)
    file.write_text(f"{head}{heading}{sections(languages)}\n")


def split(file):
    """The page up to the last heading of the template, that heading with what is below it, and the snippets."""
    heading = TEMPLATE.read_text().partition("\n## How each is set up")
    heading = "".join(heading[1:]).removesuffix("${snippets}\n")
    head, found, rest = file.read_text().partition(heading)
    if not found:
        raise WrongDocs(f"{file}: it has no part that begins with {heading.strip().splitlines()[0]!r}")
    return head, found, rest


def check(file, languages):
    """The page's snippets are the programs' own, and every client has its row."""
    head, _, rest = split(file)
    if rest != sections(languages) + "\n":
        raise WrongDocs(f"{file}: its snippets are not the programs' own; tests/clients/run --refresh-docs writes them")
    missing = [
        client.name for language in languages for client in language.clients
        if f"\n| {client.name} ({client.language}) |" not in head
    ]
    if missing:
        raise WrongDocs(f"{file}: its table lacks {', '.join(missing)}; tests/clients/run --table {file} runs them")
