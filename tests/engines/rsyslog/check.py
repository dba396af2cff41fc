"""rsyslog's omkafka: what it gets over TCP has to be in QuestDB."""

import json
import socket

from matrix.process import Service
from matrix.records import wait_until_visible
from matrix.stack import Failure

NEEDS = ("rsyslogd",)
SETTINGS = """
[topics.syslog]
symbols = ["host", "severity", "program"]
"""
COUNT = 20_000
# Not ASCII, and what JSON has to escape.
TEXT = 'message {} "quoted" \\ and Zürich'


def check(bench):
    port = bench.free_port()
    conf = bench.filled_in("rsyslog.conf", bootstrap=bench.servers.kafka, folder=bench.folder, port=port)
    command = ["rsyslogd", "-n", "-f", conf, "-i", bench.folder / "rsyslogd.pid"]
    with Service(command, bench.folder / "rsyslogd.log") as service:
        with bench.check(f"{COUNT:,} messages"):
            service.wait_until("it listens", lambda: listens(port))
            send(port)
            service.wait_until(
                f"{COUNT} rows", lambda: bench.servers.count("syslog") >= COUNT, patience=120
            )
        with bench.check("it ends in order"):
            if (code := service.stop()) != 0:
                raise Failure(f"it ended with {code}\n{service.tail()}")
            left = [name for name in ("failed-messages", "errors") if (bench.folder / name).exists()]
            if left or service.said():
                raise Failure(f"it left {left}\n{service.tail()}")
    with bench.check("every message is there once, as it was sent"):
        values(bench)


def listens(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def send(port):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for seq in range(COUNT):  # <13>: user.notice, <11>: user.err; RFC 3164, one a line
            priority = 11 if seq % 10 == 0 else 13
            line = f"<{priority}>Jan  1 00:00:{seq % 60:02} host-{seq % 3} quafka-test: {TEXT.format(seq)}\n"
            connection.sendall(line.encode())


def values(bench):
    wait_until_visible(bench.servers, "syslog", COUNT)
    rows = bench.servers.sql("SELECT host, severity, program, message FROM syslog")
    found = sorted(json.dumps(row) for row in rows)
    wanted = sorted(
        json.dumps([f"host-{seq % 3}", "err" if seq % 10 == 0 else "notice", "quafka-test", " " + TEXT.format(seq)])
        for seq in range(COUNT)
    )
    if found != wanted:
        wrong = sorted(set(found) - set(wanted))[:3]
        raise Failure(f"{len(found)} rows, {len(set(found))} different, for {COUNT} messages; not sent were {wrong}")
