"""What becomes of records while the registry is stopped or killed."""

import base64
import json
import re
import time
import urllib.request
from contextlib import contextmanager

from matrix import process
from matrix.stack import Failure

# How long records of an unknown schema may take once the registry is there again.
PATIENCE = 90


def schema(name):
    return json.dumps({"type": "record", "name": name, "fields": [{"name": "n", "type": "long"}]})


def framed(identity, number):
    """A record of the schema, as any serializer writes it."""
    return b"\0" + identity.to_bytes(4, "big") + bytes([number * 2])


def job(identity, number):
    return {"schemas": [], "records": [{"schema": 0, "value": base64.b64encode(framed(identity, number)).decode()}]}


def unanswered(servers):
    """How often the gateway has asked the registry in vain."""
    with urllib.request.urlopen(f"http://{servers.admin}/metrics", timeout=30) as response:
        text = response.read().decode()
    found = re.search(r'^quafka_schema_registry_requests_total\{answer="none"\} (\d+)', text, re.M)
    return int(found[1]) if found else 0


@contextmanager
def sending(registry, servers, folder, sender, topic, identity, number):
    """A producer at work in the background."""
    file = folder / f"{topic}.{number}.json"
    file.write_text(json.dumps(job(identity, number)))
    command = sender.command_line(servers.kafka, registry, topic, "raw", file)
    log = folder / f"{topic}.{number}.log"
    with process.Service(command, log, cwd=sender.home.folder, env=sender.home.environment()) as service:
        yield service


def ended(service, sender):
    """Waits for a producer's end, and for what it says."""
    try:
        code = service.child.wait(timeout=PATIENCE)
    except Exception:
        raise Failure(f"{sender.name} has not ended {PATIENCE} s after the registry came back\n{service.tail()}") from None
    sender.said(process.Done(code, service.said(), ""), 1)


def one(servers, registry, folder, sender, topic, away, back):
    """A record of a known schema while the registry is away, and one of a schema that nobody has asked for before."""
    known, unknown = (registry.register(f"{topic}-{name}", "AVRO", schema(f"{name}_{topic}")) for name in ("known", "new"))
    sender.send(servers.kafka, registry, f"{topic}-avro", "raw", job(known, 1), folder)
    before = unanswered(servers)
    away()
    try:
        sender.send(servers.kafka, registry, f"{topic}-avro", "raw", job(known, 2), folder)
        with sending(registry, servers, folder, sender, f"{topic}-avro", unknown, 3) as service:
            service.wait_until("the gateway asks in vain", lambda: unanswered(servers) > before)
            if service.child.poll() is not None:
                raise Failure(f"a record of an unknown schema was settled without the registry\n{service.tail()}")
            back()
            ended(service, sender)
    finally:
        back()
    deadline = time.monotonic() + 30
    while servers.count(f"{topic}-avro") < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    found = servers.sql(f"SELECT n FROM '{topic}-avro' ORDER BY n")
    if found != [[1], [2], [3]]:
        raise Failure(f"the rows are {found}, and were sent as 1, 2, 3")


def run(servers, registry, report, folder, sender):
    with report.check("stopped: known schemas go on, others wait until it goes on"):
        one(servers, registry, folder, sender, "stopped", registry.pause, registry.go_on)

    def again():
        if registry.service.child.poll() is not None:
            registry.start()
            registry.wait_until_ready()

    with report.check("killed: known schemas go on, others wait until it is back"):
        one(servers, registry, folder, sender, "killed", registry.kill, again)
    with report.check("an id that the registry does not have is a bad record"):
        try:
            sender.send(servers.kafka, registry, "absent-avro", "raw", job(2_000_000_000, 1), folder)
        except Failure as failure:
            if "0 of 1 are acknowledged" not in str(failure) or "INVALID_RECORD" not in str(failure).upper():
                raise
        else:
            raise Failure("it was acknowledged")
