"""docs/migration.md: a topic of a real Kafka moves to QuestDB by MirrorMaker 2, which is killed in the middle, while two
producers write and are moved one after the other; a bad record is among theirs. Files and commands are the page's own."""

import json
import re
import time
import urllib.request

from guide import Guide
from matrix import jvm, kafka, process, records
from matrix.process import Service
from matrix.stack import ROOT, Failure
from writer import Sequence, Writer

NEEDS = ("java", "mvn", "kcat", "curl")
PAGE = ROOT / "docs" / "migration.md"
SETTINGS = Guide(PAGE).file("quafka.toml")
OLD = 100_000  # records that are in Kafka before the move
TABLE = "trades"
BAD = '{"symbol":"SYM-1","side":"sell","price":1.5,"qty":1,"seq":"three","ts":1767225600000000}'
REASON = "column seq is LONG in table trades, and the record has a string: `three`"
CLASSES = {
    "bin/connect-standalone.sh": "org.apache.kafka.connect.cli.ConnectStandalone",
    "bin/kafka-get-offsets.sh": "org.apache.kafka.tools.GetOffsetShell",
}


def check(bench):
    broker, rest = bench.free_port(), bench.free_port()
    guide = Guide(PAGE, {
        "kafka.example.com:9092": f"127.0.0.1:{broker}",
        "quafka.example.com:9092": bench.servers.kafka,
        "127.0.0.1:8083": f"127.0.0.1:{rest}",
        "/var/lib/mirror": str(bench.folder),
    })
    writers = []
    with bench.check("a real Kafka starts"):
        source = kafka.start(bench.folder, bench.kafka(), broker, bench.free_port())
    with source:
        move = Move(bench, guide, source, f"127.0.0.1:{broker}")
        try:
            move.run(writers)
        finally:
            for writer in writers:
                writer.kill()


class Move:
    def __init__(self, bench, guide, source, address):
        self.bench, self.guide, self.source, self.address = bench, guide, source, address
        self.servers, self.jars = bench.servers, bench.kafka()
        self.connector = guide.here("http://127.0.0.1:8083/connectors/mirror")

    def run(self, writers):
        check, mirror = self.bench.check, None
        with check("12 partitions with old records"):
            self.fill_topic()
        sequence = Sequence(OLD)
        writers += [Writer(sequence, TABLE, self.address) for _ in range(2)]
        with check("1. the table"):
            self.servers.exec(self.guide.sql("table.sql"))
        with check("2. MirrorMaker copies, and is killed"):
            self.write_files()
            with self.mirror(1) as mirror:
                mirror.wait_until("rows come", lambda: self.servers.count(TABLE) > OLD // 5, patience=120)
                mirror.kill()
        with self.mirror(2) as mirror:
            with check("3. started again, it catches up") as notes:
                mirror.wait_until("it has caught up", lambda: self.behind() < OLD // 4, patience=240)
                notes.append(f"{self.behind():,} records behind")
            with check("a bad record in between"):
                self.send_a_bad_one(sequence)
            for name, writer in zip(("first", "second"), writers):
                with check(f"4. the {name} producer moves") as notes:
                    writer.move(self.servers.kafka)
                    mirror.wait_until("it has written to quafka", lambda: writer.sent >= 1_000)
                    notes.append(f"{self.servers.count(TABLE):,} rows")
            with check("5. Kafka's offsets stand still, and MirrorMaker gets there"):
                end = self.end_offsets()
                mirror.wait_until("all is copied", lambda: self.behind() == 0, patience=60)
                if self.end_offsets() != end:
                    raise Failure("somebody still writes to Kafka")
            with check("5. MirrorMaker ends in order"):
                if (code := mirror.stop()) not in (0, 143):  # 143 is Java's answer to SIGTERM.
                    raise Failure(f"it ended with {code}\n{mirror.tail()}")
        with check("every record is there once, with its key and values") as notes:
            for writer in writers:
                writer.stop()
            records.wait_until_visible(self.servers, TABLE, sequence.next)
            records.verify(self.servers, TABLE, sequence.next, keys=True)
            [[rows, *_]] = self.servers.sql(self.guide.sql("count.sql"))
            repeats = self.rows_written() - rows - 1  # the bad record's row
            notes.append(f"{rows:,} rows; {repeats:,} had come twice")
            if repeats <= 0:
                raise Failure("nothing was sent twice, so this did not test what a crash does")
        with check("the bad record has been set aside, alone"):
            records.wait_until_visible(self.servers, "quafka_dead_letters", 1)
            found = self.servers.sql(self.guide.sql("set-aside.sql"))
            if [row[:3] for row in found] != [[7, "key-bad", BAD]] or REASON not in found[0][3]:
                raise Failure(f"set aside are {found}")

    def send_a_bad_one(self, sequence):
        """With good ones before and behind it, in one batch."""
        good = [f"{records.key(seq)}|{records.line(seq)}" for seq in sequence.take(20)]
        self.send("".join([*good[:10], f"key-bad|{BAD}\n", *good[10:]]), "-p", "7")

    def fill_topic(self):
        kafka.wait_until_started(self.source)
        create = ["--create", "--topic", TABLE, "--partitions", 12, "--bootstrap-server", self.address]
        done = process.run(jvm.command("org.apache.kafka.tools.TopicCommand", self.jars, *create), patience=60)
        if done.code != 0:
            raise Failure(f"kafka-topics ended with {done.code}\n{done.tail()}")
        self.send("".join(f"{records.key(seq)}|{records.line(seq)}" for seq in range(OLD)))

    def send(self, lines, *options):
        """Into Kafka, with kcat."""
        command = ["kcat", "-P", "-b", self.address, "-t", TABLE, "-K", "|", *options]
        done = process.run(command, patience=60, given=lines)
        if done.code != 0:
            raise Failure(f"kcat ended with {done.code}\n{done.tail()}")

    def write_files(self):
        for name in ("worker.properties", "mirror.properties"):
            (self.bench.folder / name).write_text(self.guide.file(name))
        with (self.bench.folder / "mirror.properties").open("a") as file:
            file.write("offset-syncs.topic.replication.factor=1\n")  # as the page says for a Kafka of one node

    def mirror(self, life):
        program, *arguments = self.guide.command("bin/connect-standalone.sh")
        command = jvm.command(CLASSES[program], self.jars, *arguments, heap="512m")
        return Service(command, self.bench.folder / f"mirror-{life}.log", cwd=self.bench.folder)

    def end_offsets(self):
        """The next offset of each partition in Kafka."""
        program, *arguments = self.guide.command("bin/kafka-get-offsets.sh")
        done = process.run(jvm.command(CLASSES[program], self.jars, *arguments), patience=60)
        return {int(partition): int(end) for partition, end in re.findall(rf"^{TABLE}:(\d+):(\d+)$", done.out, re.M)}

    def copied_offsets(self):
        """The last offset of each partition that MirrorMaker has noted down; none where it does not answer yet."""
        command = self.guide.command("curl", "-s", f"{self.connector}/offsets")
        try:
            noted = json.loads(process.run(command, patience=60).out)["offsets"]
        except (ValueError, KeyError):
            return {}
        return {one["partition"]["partition"]: one["offset"]["offset"] for one in noted}

    def behind(self):
        """How many records MirrorMaker has still to copy. Asked in this order, it is never too small."""
        copied = self.copied_offsets()
        return sum(end - 1 - copied.get(partition, -1) for partition, end in self.end_offsets().items())

    def rows_written(self):
        with urllib.request.urlopen(f"http://{self.servers.admin}/metrics", timeout=10) as response:
            metrics = response.read().decode()
        return sum(int(float(value)) for value in re.findall(r"^quafka_sink_rows_committed_total\S* (\S+)$", metrics, re.M))
