"""One node of Apache Kafka, the real thing, to move away from and to compare with."""

from pathlib import Path

from . import jvm, process
from .stack import Failure

SETTINGS = Path(__file__).with_name("kafka.properties")


def start(folder, jars, broker, controller, heap="512m", **how):
    """A broker and controller on these ports of 127.0.0.1, with its data in `folder`. Use it in a `with`, and wait for it."""
    text = SETTINGS.read_text()
    for word, value in (("@BROKER@", broker), ("@CONTROLLER@", controller), ("@FOLDER@", folder)):
        text = text.replace(word, str(value))
    settings = folder / "kafka.properties"
    settings.write_text(text)
    storage = "kafka.tools.StorageTool"
    identity = process.run(jvm.command(storage, jars, "random-uuid"), patience=60).out.strip()
    done = process.run(jvm.command(storage, jars, "format", "-t", identity, "-c", settings), patience=60)
    if done.code != 0:
        raise Failure(f"Kafka's storage cannot be formatted\n{done.tail()}")
    flags = ["-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info", *how.pop("flags", ())]
    command = jvm.command("kafka.Kafka", jars, settings, heap=heap, flags=flags, **how)
    return process.Service(command, folder / "kafka.log")


def wait_until_started(service):
    service.wait_until("it is started", lambda: "Kafka Server started" in service.said())
