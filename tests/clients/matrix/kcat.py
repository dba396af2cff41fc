"""What kcat can do besides producing in all ways, and millions of records through it."""

import re
import subprocess
import time

from . import process
from .records import verify, wait_until_visible
from .stack import Failure


def kcat(stack, *arguments, patience=60):
    return process.run(["kcat", "-b", stack.kafka, *arguments], patience)


def must(done):
    if done.code != 0:
        raise Failure(f"kcat ended with {done.code}: {done.tail(1)}\n{done.tail()}")
    return done


def send(stack, topic, file, *arguments, patience=60):
    done = must(kcat(stack, "-P", "-t", topic, *arguments, "-l", str(file), patience=patience))
    if done.err:
        raise Failure(f"kcat says: {done.err.strip()}")


def own_checks(stack, report, inputs):
    """kcat -L, -Q, -C and -G."""
    report.heading("kcat -L, -Q, -C and -G")
    topics = ["kcat-listed", "kcat-listed-too"]
    with report.check("-P for the checks below", stack):
        for topic in topics:
            send(stack, topic, inputs.file(1, keys=False))
            wait_until_visible(stack, topic, 1)
    listing(stack, report, topics)
    readers(stack, report, topics[-1])


def listing(stack, report, topics):
    with report.check("-L names the broker, the topics and their partitions", stack):
        out = must(kcat(stack, "-L", patience=15)).out
        missing = [topic for topic in topics if f'topic "{topic}" with 8 partitions' not in out]
        if f"at {stack.kafka}" not in out or missing:
            raise Failure(f"missing: {missing}; it said: {out}")
    with report.check("-L -t of a topic that nobody has used", stack):
        out = must(kcat(stack, "-L", "-t", "unheard-of", patience=15)).out
        if 'topic "unheard-of" with 8 partitions' not in out:
            raise Failure(f"it said: {out}")
    with report.check("-Q tells offsets", stack):
        first = must(kcat(stack, "-Q", "-t", f"{topics[-1]}:0:-2", patience=15)).out
        last = must(kcat(stack, "-Q", "-t", f"{topics[-1]}:0:-1", patience=15)).out
        offsets = [re.fullmatch(r".* \[0\] offset (\d+)", text.strip()) for text in (first, last)]
        if None in offsets:
            raise Failure(f"it said: {first} {last}")


def readers(stack, report, topic):
    with report.check("-C -o end -c 1 -e ends", stack):
        done = must(kcat(stack, "-C", "-t", topic, "-o", "end", "-c", "1", "-e", patience=20))
        if done.out or "ERROR" in done.err:
            raise Failure(f"it said: {done.out} {done.err}")
    with report.check("-C -o end idles for 5 s", stack):
        reader = subprocess.Popen(
            ["kcat", "-b", stack.kafka, "-C", "-t", topic, "-o", "end"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        try:
            reader.wait(timeout=5)
            ended = True
        except subprocess.TimeoutExpired:
            ended = False
            reader.terminate()
        try:
            out, err = reader.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            reader.kill()
            raise Failure("it did not end on SIGTERM") from None
        if ended or out or "ERROR" in err or "fail" in err.lower():
            raise Failure(f"{'it ended' if ended else 'it idled'} and said: {out} {err}")
    with report.check("-G ends with the reason", stack) as notes:
        done = kcat(stack, "-G", "some-group", topic, patience=20)
        if done.code == 0 or done.out or "there are no consumer groups" not in done.err:
            raise Failure(f"it ended with {done.code} and said: {done.out} {done.err}")
        notes.append(done.tail(1).removeprefix("% "))


def acceptance(stack, report, inputs, count):
    """So many records with each of the quickest codecs: rows/s until the last one is visible, and the gateway's memory."""
    report.heading(f"kcat -P -l FILE with {count:,} lines, acks=all, until the last row is visible")
    file = inputs.file(count, keys=False)
    print(f"  {file.stat().st_size / count:.0f} bytes a line; the program: {stack.binary}")
    for codec in ("gzip", "lz4", "zstd", "none"):
        stack.forget_peak()
        topic = f"million-{codec}"
        with report.check(codec, stack) as notes:
            arguments = ["-X", "compression.codec=none"] if codec == "none" else ["-z", codec]
            started = time.monotonic()
            send(stack, topic, file, "-X", "acks=all", "-X", "enable.idempotence=false", *arguments, patience=600)
            acked = time.monotonic() - started
            wait_until_visible(stack, topic, count, patience=120)
            seen = time.monotonic() - started
            notes.append(f"{count / seen:,.0f} rows/s visible after {seen:.2f} s, kcat done after {acked:.2f} s")
            notes.append(f"gateway's peak {stack.peak_resident_mib():.0f} MiB")
            time.sleep(1)  # What comes twice would come now.
            verify(stack, topic, count)
