"""Kafka Connect's FileStreamSource in a standalone worker, which is stopped and started again in the middle."""

from matrix import jvm, records
from matrix.process import Service
from matrix.stack import Failure

NEEDS = ("java", "mvn")
SETTINGS = records.SETTINGS
COUNT = 50_000
WORKER = "org.apache.kafka.connect.cli.ConnectStandalone"


def check(bench):
    file = bench.folder / "lines.json"
    worker = bench.filled_in(
        "worker.properties", bootstrap=bench.servers.kafka, folder=bench.folder, rest=bench.free_port()
    )
    source = bench.filled_in("source.properties", file=file)
    command = jvm.command(WORKER, bench.kafka(), worker, source, heap="512m")
    for life in (1, 2):
        with file.open("a") as lines:
            lines.writelines(records.line(seq) for seq in range((life - 1) * COUNT, life * COUNT))
        with Service(command, bench.folder / f"worker-{life}.log") as service:
            with bench.check(f"life {life} of the worker: {COUNT:,} more lines"):
                service.wait_until(
                    f"{life * COUNT} rows", lambda: bench.servers.count("lines") >= life * COUNT, patience=120
                )
            with bench.check("it ends in order"):
                if (code := service.stop()) not in (0, 143):  # 143: Java's answer to SIGTERM, after its shutdown hooks
                    raise Failure(f"it ended with {code}\n{service.tail()}")
                if "ERROR" in service.said():
                    raise Failure(f"it complains\n{service.tail()}")
    with bench.check("every line is there once, with its values"):
        records.verify(bench.servers, "lines", 2 * COUNT)
