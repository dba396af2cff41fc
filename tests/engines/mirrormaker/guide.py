"""docs/migration.md, to be followed to the letter: its files and its commands, with the places that they name exchanged
for those of the test."""

import re
import shlex

CODE = re.compile(r"^```(\w+)\n(.*?)^```", re.M | re.S)


class Guide:
    def __init__(self, page, places=None):
        """`places` says what stands for each place that the page names."""
        self.page = page
        self.places = places or {}
        self.blocks = CODE.findall(page.read_text())

    def file(self, name):
        """The block that begins with the file's name as a comment."""
        found = [text for _, text in self.blocks if text.splitlines()[0] in (f"# {name}", f"-- {name}")]
        if len(found) != 1:
            raise LookupError(f"{self.page} has {len(found)} blocks for {name}, not one")
        return self.here(found[0])

    def sql(self, name):
        return " ".join(self.file(name).splitlines()[1:]).rstrip("; ")

    def command(self, program):
        """The words of the one command line that runs the program."""
        lines = [line for language, text in self.blocks if language == "sh" for line in text.splitlines()]
        found = [words for words in map(shlex.split, lines) if words and words[0] == program]
        if len(found) != 1:
            raise LookupError(f"{self.page} has {len(found)} commands with {program}, not one")
        return [self.here(word) for word in found[0]]

    def here(self, text):
        for there, here in self.places.items():
            text = text.replace(there, here)
        return text
