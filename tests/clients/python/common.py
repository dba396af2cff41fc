"""What every Python client shares: the arguments, the records and the result. tests/clients/README.md describes them."""

import argparse
import json
import sys

PATIENCE_S = 60


def arguments():
    parser = argparse.ArgumentParser()
    for name in ("--brokers", "--topic", "--file"):
        parser.add_argument(name, required=True)
    parser.add_argument("--codec", choices=("none", "gzip", "snappy", "lz4", "zstd"), required=True)
    parser.add_argument("--acks", choices=("0", "1", "all"), required=True)
    parser.add_argument("--idempotence", choices=("true", "false"), required=True)
    parser.add_argument("--keys", action="store_true")
    parser.add_argument("--headers", action="store_true")
    options = parser.parse_args()
    options.idempotence = options.idempotence == "true"
    return options


def records(options):
    """The pairs of key and value."""
    with open(options.file, "rb") as file:
        for line in file:
            key, bar, value = line.rstrip(b"\n").partition(b"|") if options.keys else (None, None, line.rstrip(b"\n"))
            if bar == b"":
                raise ValueError(f"a line without a key: {line!r}")
            yield key, value


def headers(options, client):
    """The headers of each record, or None."""
    return [("source", client.encode()), ("trace", b"1"), ("empty", b"")] if options.headers else None


class Result:
    """Counts what was sent and acknowledged."""

    def __init__(self, client, version):
        self.client, self.version = client, version
        self.sent = self.acked = 0
        self.errors = []

    def delivered(self, error):
        """To be called once for each record that has been sent."""
        if error is None:
            self.acked += 1
        else:
            self.errors.append(str(error) or repr(error))

    def end(self):
        """Prints the result, and ends the program with the exit code for it."""
        told = {"client": self.client, "version": self.version, "sent": self.sent, "acked": self.acked}
        # The first few tell enough.
        print(json.dumps(told | {"errors": self.errors[:10]}), flush=True)
        sys.exit(0 if self.acked == self.sent and not self.errors else 1)
