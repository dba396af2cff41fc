"""The results of runs, a JSON file for each part, and what is kept of them beside docs/performance.md."""

import json
import sys

# What results.json keeps of the histograms: those that pictures are drawn of.
DRAWN = ("produce_to_ack", "questdb_commit", "produce_to_visible", "questdb_commit_to_visible")


class Missing(Exception):
    """A figure that no run has made."""


class Results:
    """All parts of a run, or of several."""

    def __init__(self, parts):
        self.parts = parts

    @classmethod
    def of_folder(cls, folder):
        parts = {}
        for file in sorted(folder.glob("*.json")):
            read = json.loads(file.read_text())
            parts[read["part"]] = read
        return cls(parts)

    @classmethod
    def kept(cls, file):
        return cls(json.loads(file.read_text()) if file.exists() else {})

    def keep(self, file):
        """Without what nobody looks at, so that it is small."""
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"{json.dumps(name)}: {json.dumps(lean(part))}" for name, part in sorted(self.parts.items())]
        file.write_text("{\n" + ",\n".join(lines) + "\n}\n")

    def part(self, name):
        try:
            return self.parts[name]["result"]
        except KeyError:
            raise Missing(name) from None

    def unfit(self):
        """Why these are no figures to be shown to anybody; None where they are."""
        for name, part in self.parts.items():
            if part["quick"]:
                return f"{name} is of a --quick run"
            if part["machine"]["build"] != "release":
                return f"{name} is of a {part['machine']['build']} build"
            if part["settings"].get("exactly_once"):
                return f"{name} is with exactly_once"
        return None if self.parts else "there are none"

    def runs(self):
        """The machines and builds, each with the parts that were run there."""
        runs = {}
        for name, part in self.parts.items():
            machine = {key: value for key, value in part["machine"].items() if key != "date"}
            run = runs.setdefault(json.dumps(machine, sort_keys=True), (part["machine"], []))
            run[1].append(name)
        return list(runs.values())


def lean(value, name=""):
    """Numbers to five digits, and only the histograms that are drawn."""
    if isinstance(value, dict):
        return {
            key: lean(inner, key) for key, inner in value.items() if key != "histogram" or name in DRAWN
        }
    if isinstance(value, list):
        return [lean(inner, name) for inner in value]
    if isinstance(value, float):
        return float(f"{value:.5g}")
    return value


def median(values):
    """The middle one; of two, the higher, as the Rust side has it."""
    values = sorted(values)
    return values[len(values) // 2]


def complain(text):
    print(text, file=sys.stderr)
    return 1
