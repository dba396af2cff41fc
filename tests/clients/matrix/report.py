"""What is told on the screen while it runs."""

import re
import time
from contextlib import contextmanager

from .stack import Failure


class Report:
    def __init__(self):
        self.passed = self.failed = 0

    def heading(self, text):
        print(f"\n{text}", flush=True)

    def line(self, what, verdict, seconds, note=""):
        print(f"  {what:<58} {seconds:7.2f} s  {verdict}{note and '  ' + note}", flush=True)

    def fail(self, what, seconds, failure, log=""):
        self.failed += 1
        first, *more = str(failure).splitlines() or [""]
        self.line(what, "FAILED", seconds, first)
        if more:
            print(indented("\n".join(more)))
        if log:
            print("    the gateway's log ends with:\n" + indented(log), flush=True)

    @contextmanager
    def check(self, what, stack=None):
        """Times a check and prints its line; what is put into the list is a note behind it."""
        started, notes = time.monotonic(), []
        before = stack.log_size() if stack else 0
        try:
            yield notes
        except Failure as failure:
            log = stack.log_tail(before) if stack else ""
            self.fail(what, time.monotonic() - started, failure, log)
        else:
            self.passed += 1
            # Nothing that passes should need a warning; one that is there is worth a look.
            if stack and (warnings := stack.log_warnings(before)):
                notes.append(f"the gateway warned: {warnings[0]}")
                if len(warnings) > 1:
                    notes.append(f"and {len(warnings) - 1} times more")
            self.line(what, "ok", time.monotonic() - started, ", ".join(notes))

    def close(self):
        """The last line; the exit code."""
        print(f"\n{self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed else 0


def indented(text):
    return re.sub("^", "    | ", text, flags=re.M)
