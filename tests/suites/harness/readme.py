"""The tables in README.md, one for each suite, between two marks."""

import re

from matrix.stack import Failure

from .cases import SUITES

README = SUITES / "README.md"


def table(suite, results, version, date):
    """What a whole run has shown."""
    passed = sum(not case.cannot for case, _ in results)
    times = {case.name: sum(other is case for other, _ in results) for case, _ in results}
    lines = [
        f"{suite.package} {suite.version}: {passed} of {len(results)} pass; {version}, {date}.",
        "",
        suite.about.strip(),
        "",
        "| test | what it does | here |",
        "|---|---|---|",
    ]
    for case in suite.cases:
        many = f" ({times[case.name]} tests)" if "*" in case.name else ""
        lines.append(f"| `{case.name}`{many} | {case.what} | {case.cannot or 'passes'} |")
    return "\n".join(lines)


def write(suite, text):
    begin, end = f"<!-- {suite.name}: written by run -->", f"<!-- {suite.name}: end -->"
    page = README.read_text()
    changed, times = re.subn(
        f"({re.escape(begin)}\n).*?({re.escape(end)})", lambda match: f"{match[1]}{text}\n{match[2]}", page, flags=re.DOTALL
    )
    if times != 1:
        raise Failure(f"{README} has no place for {suite.name}")
    README.write_text(changed)
