"""The records that every client sends, and what QuestDB must have of them."""

import time

from .stack import Failure

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
SETTINGS = """
[topics."*"]
timestamp = { field = "ts", unit = "micros" }
symbols = ["symbol", "side"]
headers = ["*"]
"""

# Every value of a row follows from its seq: the records are written by `line`, and QuestDB tells how many rows are not
# as `EXPECTED` says.
FIRST_TS = 1_767_225_600_000_000  # 2026-01-01, in microseconds


def cents(seq):
    return 100 + seq * 7919 % 1_000_000


def line(seq):
    side = "sell" if seq % 2 else "buy"
    return (
        f'{{"symbol":"SYM-{seq % 10}","side":"{side}","price":{cents(seq) // 100}.{cents(seq) % 100:02},'
        f'"qty":{1 + seq % 1000},"seq":{seq},"ts":{FIRST_TS + seq}}}\n'
    )


def key(seq):
    return f"key-{seq % 100}"


CENTS = "cast(round(price * 100, 0) as long)"
EXPECTED = {
    "symbol": "symbol = concat('SYM-', seq % 10)",
    "side": "side = CASE WHEN seq % 2 = 1 THEN 'sell' ELSE 'buy' END",
    "price": f"{CENTS} = 100 + seq * 7919 % 1000000",
    "qty": "qty = 1 + seq % 1000",
    "timestamp": f"cast(timestamp as long) = {FIRST_TS} + seq",
}
KEYED = {"key": "key = concat('key-', seq % 100)"}


def with_headers(source):
    return {
        "header_source": f"header_source = '{source}'",
        "header_trace": "header_trace = '1'",
        "header_empty": "header_empty = ''",
    }


class Inputs:
    """Files with so and so many records, each written once."""

    def __init__(self, folder):
        self.folder = folder

    def file(self, count, keys):
        """One record a line; with keys, each behind its key and `|`."""
        path = self.folder / f"{count}{'-keys' if keys else ''}.json"
        if not path.exists():
            with path.open("w") as file:
                if keys:
                    file.writelines(f"{key(seq)}|{line(seq)}" for seq in range(count))
                else:
                    file.writelines(map(line, range(count)))
        return path


def wait_until_visible(stack, table, count, patience=60):
    deadline = time.monotonic() + patience
    while (visible := stack.count(table)) < count:
        if time.monotonic() > deadline:
            raise Failure(f"{visible} of {count} rows are visible after {patience} s")
        time.sleep(0.02)


def verify(stack, table, count, keys=False, source=None):
    """Every seq exactly once, every value as it was sent. `source` is what the header of this name has, where there are
    headers."""
    expected = EXPECTED | (KEYED if keys else {}) | (with_headers(source) if source else {})
    wrong = ", ".join(f"sum(CASE WHEN {condition} THEN 0 ELSE 1 END)" for condition in expected.values())
    query = f"SELECT count(), count_distinct(seq), min(seq), max(seq), sum(seq), sum({CENTS}), {wrong} FROM '{table}'"
    rows, distinct, low, high, total, money, *wrong = stack.sql(query)[0]
    found = {"rows": rows, "different seqs": distinct, "first": low, "last": high, "sum(seq)": total, "cents": money}
    wanted = {
        "rows": count,
        "different seqs": count,
        "first": 0,
        "last": count - 1,
        "sum(seq)": count * (count - 1) // 2,
        "cents": sum(map(cents, range(count))),
    }
    errors = [f"{name}: {found[name]}, not {value}" for name, value in wanted.items() if found[name] != value]
    errors += [f"{rows} rows with a wrong {column}" for column, rows in zip(expected, wrong) if rows]
    if errors:
        raise Failure("; ".join(errors))
