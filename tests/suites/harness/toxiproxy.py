"""Shopify's toxiproxy, which sarama's suite puts between itself and the brokers."""

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request

from matrix.process import kill_group
from matrix.stack import Failure

from .source import must

# What the suite expects; it takes no others.
PORTS = {f"kafka{number}": 29090 + number for number in range(1, 6)}


class Toxiproxy:
    """A running toxiproxy whose five proxies all lead to the gateway. Ends with `stop`."""

    def __init__(self, version, folder, upstream):
        program = folder / "toxiproxy" / "server"
        module = f"github.com/Shopify/toxiproxy/v2/cmd/server@{version}"
        must(["go", "install", module], folder, {"GOBIN": str(program.parent), "GOFLAGS": ""})
        for port in PORTS.values():
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError as error:
                    raise Failure(f"127.0.0.1:{port}, which the suite needs: {error}") from None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [program, "-host", "127.0.0.1", "-port", str(port)], start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        try:
            self.wait()
            for name, port in PORTS.items():
                self.post("/proxies", {"name": name, "listen": f"127.0.0.1:{port}", "upstream": upstream, "enabled": True})
        except BaseException:
            self.stop()
            raise

    def wait(self, patience=30):
        deadline = time.monotonic() + patience
        while True:
            try:
                with urllib.request.urlopen(f"{self.address}/version", timeout=5):
                    return
            except OSError as error:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise Failure(f"toxiproxy does not answer: {error}") from None
                time.sleep(0.05)

    def post(self, path, body):
        request = urllib.request.Request(
            self.address + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=10):
                pass
        except urllib.error.HTTPError as error:
            raise Failure(f"toxiproxy: {path}: {error.read().decode()}") from None

    def stop(self):
        kill_group(self.process)
        self.process.wait()
