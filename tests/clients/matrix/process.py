"""Programs that are run to their end, and never outlive the runner."""

import os
import signal
import subprocess
from dataclasses import dataclass

from .stack import Failure


@dataclass
class Done:
    """How a program ended and what it said."""

    code: int
    out: str
    err: str

    def tail(self, lines=15):
        """The end of what it said, for people."""
        return "\n".join((self.err.strip() or self.out.strip()).splitlines()[-lines:])


def run(command, patience, cwd=None, env=None):
    """Runs it with nothing to read; when its time is over, it is ended with all that it started."""
    child = subprocess.Popen(
        command, cwd=cwd, env=env, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
    )
    try:
        out, err = child.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        kill_group(child)
        out, err = child.communicate()
        said = Done(child.returncode, out, err).tail()
        raise Failure(f"{os.path.basename(str(command[0]))}: no end after {patience} s\n{said}") from None
    except BaseException:
        kill_group(child)
        raise
    return Done(child.returncode, out, err)


def kill_group(child):
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
