"""A producer that never rests: kcat, fed line by line."""

import subprocess
import threading

from matrix import records
from matrix.stack import Failure

AT_ONCE, PAUSE = 50, 0.1  # 500 a second


class Sequence:
    """The numbers of the records, shared by all that write."""

    def __init__(self, first):
        self.next, self.lock = first, threading.Lock()

    def take(self, count):
        with self.lock:
            self.next += count
            return range(self.next - count, self.next)


class Writer:
    """Sends records to one address until it is told another one, and stops in order in between."""

    def __init__(self, sequence, topic, address):
        self.sequence, self.topic = sequence, topic
        self.start(address)

    def start(self, address):
        self.sent, self.over = 0, threading.Event()
        self.kcat = subprocess.Popen(
            ["kcat", "-P", "-b", address, "-t", self.topic, "-K", "|", "-X", "enable.idempotence=true"],
            stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        self.thread = threading.Thread(target=self.feed, daemon=True)
        self.thread.start()

    def feed(self):
        try:
            while not self.over.wait(PAUSE):
                for seq in self.sequence.take(AT_ONCE):
                    self.kcat.stdin.write(f"{records.key(seq)}|{records.line(seq)}")
                self.kcat.stdin.flush()
                self.sent += AT_ONCE
        except BrokenPipeError:
            pass  # kcat has ended; `stop` tells.

    def stop(self):
        """Lets kcat send all that it has been given, and end."""
        self.over.set()
        self.thread.join()
        _, said = self.kcat.communicate(timeout=60)
        if self.kcat.returncode != 0:
            raise Failure(f"kcat ended with {self.kcat.returncode}\n{said}")

    def move(self, address):
        self.stop()
        self.start(address)

    def kill(self):
        """However far things have come."""
        self.over.set()
        self.kcat.kill()
        self.kcat.wait()
