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

    def command(self, *words):
        """The one command that begins with these words, all of it."""
        shell = [text.replace("\\\n", " ") for language, text in self.blocks if language == "sh"]
        commands = [shlex.split(self.here(line)) for text in shell for line in text.splitlines()]
        found = [command for command in commands if command[:len(words)] == list(words)]
        if len(found) != 1:
            raise LookupError(f"{self.page} has {len(found)} commands that begin {' '.join(words)}, not one")
        return found[0]

    def here(self, text):
        for there, here in self.places.items():
            text = text.replace(there, here)
        return text
