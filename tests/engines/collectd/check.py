"""collectd's write_kafka: the values that it is given have to be in QuestDB. Each record is a JSON array, thus text."""

import json
import socket

from matrix.process import Service
from matrix.records import wait_until_visible
from matrix.stack import Failure

NEEDS = ("collectd",)
SETTINGS = ""
COUNT = 5_000


def check(bench):
    conf = bench.filled_in("collectd.conf", bootstrap=bench.servers.kafka, folder=bench.folder)
    given = bench.folder / "socket"
    with Service(["collectd", "-f", "-C", conf], bench.folder / "collectd.log") as service:
        with bench.check(f"{COUNT:,} values"):
            service.wait_until("it listens", given.exists)
            put_values(given)
            service.wait_until(
                f"{COUNT} rows", lambda: bench.servers.count("collectd") >= COUNT, patience=120
            )
        with bench.check("it ends in order"):
            if (code := service.stop()) != 0:
                raise Failure(f"it ended with {code}\n{service.tail()}")
            if "error" in service.said().lower() or "fail" in service.said().lower():
                raise Failure(f"it complains\n{service.tail()}")
    with bench.check("every value is there once, as it was given"):
        wait_until_visible(bench.servers, "collectd", COUNT)
        found = sorted(map(essence, bench.servers.sql("SELECT value FROM collectd")))
        wanted = [("collectd-host", "quafka", "gauge", f"g{seq:05}", float(seq), float(time(seq))) for seq in range(COUNT)]
        if found != wanted:
            raise Failure(f"{len(found)} rows, of which {sorted(set(found) - set(wanted))[:3]} were not given")


def time(seq):
    return 1_767_225_600 + seq


def put_values(path):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        answers = connection.makefile()
        for seq in range(COUNT):
            connection.sendall(f"PUTVAL collectd-host/quafka/gauge-g{seq:05} interval=10 {time(seq)}:{seq}\n".encode())
            if not (answer := answers.readline()).startswith("0 Success"):
                raise Failure(f"collectd answers {answer!r}")


def essence(row):
    [value] = json.loads(row[0])
    [number] = value["values"]
    return tuple(value[name] for name in ("host", "plugin", "type", "type_instance")) + (number, value["time"])
