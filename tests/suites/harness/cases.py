"""tests/suites/<suite>.toml: which tests of a suite talk to a broker, and what each has to do here."""

import re
import tomllib
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from matrix.stack import Failure

SUITES = Path(__file__).resolve().parents[1]


@dataclass
class Case:
    """Tests of the suite: `name` may have a `*`. Each passes, or it cannot for a reason and then says something that shows how far it came."""

    name: str
    what: str
    cannot: str = ""
    says: str = ""
    seconds: int = 60

    def verdict(self, passed, said):
        """None where it did what it has to do, else what is wrong."""
        if not self.cannot:
            return None if passed else "did not pass"
        if passed:
            return f"passes, though this is expected: {self.cannot}"
        if not re.search(self.says, said):
            return f"failed in another way than expected: it did not say {self.says!r}"
        return None


@dataclass
class Suite:
    """A suite: where it comes from, how the gateway is set for it, and its cases."""

    name: str
    kind: str
    package: str
    version: str
    tests: list
    needs: list
    about: str
    settings: str = ""
    environment: dict = field(default_factory=dict)
    edits: list = field(default_factory=list)
    updates: dict = field(default_factory=dict)
    toxiproxy: str = ""
    cases: list = field(default_factory=list)

    def assign(self, found):
        """The tests that are there, each with its case: the first whose name it has. None may be left over."""
        pairs = []
        for test in found:
            case = next((case for case in self.cases if fnmatchcase(test, case.name)), None)
            if not case:
                raise Failure(f"{self.name}.toml does not know {test}")
            pairs.append((test, case))
        for case in self.cases:
            if not any(case is assigned for _, assigned in pairs):
                raise Failure(f"{self.name}.toml: there is no test {case.name}")
        return pairs


def names():
    return sorted(file.stem for file in SUITES.glob("*.toml"))


def load(name):
    described = tomllib.loads((SUITES / f"{name}.toml").read_text())
    cases = [Case(**case) for case in described.pop("case")]
    for case in cases:
        if bool(case.cannot) != bool(case.says):
            raise SystemExit(f"{name}.toml: {case.name}: `cannot` and `says` belong together")
    return Suite(name=name, cases=cases, **described)
