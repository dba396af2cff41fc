"""docs/formats.md: the table of a run."""

import datetime
import re

from . import cases

HEADING = "## Tried with\n"


class Page:
    """The page, before the run that it is about: what is wrong with it is told before the runs, not after them."""

    def __init__(self, file):
        self.file = file
        self.text = file.read_text()
        if HEADING not in self.text:
            raise SystemExit(f"{file}: it has no part that begins with {HEADING.strip()!r}")

    def write(self, serializers, results, tested, registry, count):
        head, heading, rest = self.text.partition(HEADING)
        following = re.search(r"^## ", rest, re.M)
        tail = rest[following.start():] if following else ""
        today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
        stamp = (
            f"{today}, {tested}, with Apicurio Registry {registry}: {count:,} records each, of four versions of a schema by turns, "
            "each of\nthem compared with its row in QuestDB. `tests/serializers/run --table docs/formats.md` makes this table.\n"
        )
        kinds = list(cases.FORMATS)
        lines = [f"| serializer | version | {' | '.join(kinds)} | |", f"|---|---|{'---|' * len(kinds)}---|"]
        for program in serializers:
            versions = {results.get((program.name, kind)) for kind in kinds} - {None}
            cells = [cell(program, kind, results) for kind in kinds]
            version = ", ".join(sorted(versions)) or "–"
            lines.append(f"| {program.what} ({program.language}) | {version} | {' | '.join(cells)} | {program.notes} |")
        table = "\n".join(lines)
        self.file.write_text(f"{head}{heading}\n{stamp}\n{table}\n" + (f"\n{tail}" if tail else ""))


def cell(program, kind, results):
    if kind not in program.formats:
        return "–"
    if (program.name, kind) not in results:
        return "not yet"
    return "yes" if results[program.name, kind] else "**fails**"
