"""Programs that are run to their end, and never outlive the runner."""

import os
import signal
import subprocess
import time
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


def run(command, patience, cwd=None, env=None, given=None):
    """Runs it, with `given` to read; when its time is over, it is ended with all that it started."""
    try:
        # A group of its own, so that it can be ended with its children; in the runner's session, as CI ends that.
        child = subprocess.Popen(
            command, cwd=cwd, env=env, process_group=0,
            stdin=subprocess.DEVNULL if given is None else subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
        )
    except OSError as error:
        raise Failure(f"{command[0]}: {error}") from None
    try:
        out, err = child.communicate(given, timeout=patience)
    except subprocess.TimeoutExpired:
        kill_group(child)
        out, err = child.communicate()
        said = Done(child.returncode, out, err).tail()
        raise Failure(f"{os.path.basename(str(command[0]))}: no end after {patience} s\n{said}") from None
    except BaseException:
        kill_group(child)
        raise
    return Done(child.returncode, out, err)


class Service:
    """A program that runs until it is told to end. Use it in a `with`: it ends with that, however that ends, and with the
    runner, should that be killed."""

    def __init__(self, command, log, cwd=None, env=None):
        """What it says goes to the file `log`."""
        self.name, self.log = os.path.basename(str(command[0])), log
        with open(log, "wb") as file:
            # Ctrl-C is the runner's to handle.
            self.child = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *command],
                cwd=cwd, env=env, process_group=0, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.child.poll() is None:
            kill_group(self.child)
            self.child.wait()

    def said(self):
        return self.log.read_text(errors="replace")

    def tail(self, lines=25):
        return "\n".join(self.said().splitlines()[-lines:])

    def wait_until(self, what, condition, patience=60):
        """Looks until `condition()` is true; fails at once where the program has ended meanwhile."""
        deadline = time.monotonic() + patience
        while not condition():
            if self.child.poll() is not None:
                raise Failure(f"{self.name} ended with {self.child.returncode} before {what}\n{self.tail()}")
            if time.monotonic() > deadline:
                raise Failure(f"{self.name}: not within {patience} s: {what}\n{self.tail()}")
            time.sleep(0.1)

    def stop(self, patience=60):
        """SIGTERM; its exit code."""
        self.child.terminate()
        try:
            return self.child.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} did not end within {patience} s of SIGTERM\n{self.tail()}") from None

    def kill(self):
        kill_group(self.child)
        self.child.wait()


def kill_group(child):
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
