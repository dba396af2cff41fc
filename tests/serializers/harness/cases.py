"""What is sent and what has to be in QuestDB: one set of records, and what each format makes of them."""

import base64
import datetime
import json
from pathlib import Path

from matrix.stack import Failure

SCHEMAS = Path(__file__).resolve().parents[1] / "schemas"

# By format: the files' ending, the registry's name of it, and what each version is to the one before. That is the registry's own
# judgement, whose rules differ from format to format: an int32 that becomes an int64 is none of it in Protobuf, though the bytes
# stay the same.
FORMATS = {
    "avro": ("avsc", "AVRO", ("FULL", "BACKWARD", "FORWARD")),
    "json": ("json", "JSON", ("BACKWARD", "BACKWARD", "FORWARD")),
    "protobuf": ("proto", "PROTOBUF", ("BACKWARD", "NONE", "BACKWARD")),
}
# What quafka calls them.
SETTING = {"avro": "avro", "json": "json_schema", "protobuf": "protobuf"}

FIRST_MS = 1_577_934_245_123
FIRST_DAY = datetime.date(2020, 1, 2)


def schemas(kind):
    """The versions of a format's schema, the oldest first."""
    ending = FORMATS[kind][0]
    return [(SCHEMAS / f"v{version}.{ending}").read_text() for version in (1, 2, 3, 4)]


def records(count):
    """Old and new versions by turns, and each field with and without what it may lack."""
    for n in range(count):
        version = (n // 2 + n) % 4  # 0-based; neighbours differ mostly
        yield {
            "schema": version,
            "value": {
                "id": n,
                "symbol": f"S{n % 3} é\"\n",
                "price": n / 4,
                "qty": None if n % 3 == 0 else n + (2**40 if version >= 2 else 0),
                "at_ms": FIRST_MS + n,
                "day": (FIRST_DAY + datetime.timedelta(days=n)).isoformat(),
                "side": ("BUY", "SELL")[n % 2],
                "levels": [n + 0.5, float(n), -1e300][: n % 4],
                "tags": {"a": f"x{n}"} if n % 2 else {},
                "venue": {"name": "XNAS", "region": None if n % 3 == 1 else "us"},
                "amount_cents": 1234 * (-1) ** n + 100 * n + 1,
                "raw": base64.b64encode(bytes([n % 256, 0, 255])).decode(),
                "either": (None, n + 1, f"text {n}")[n % 3],
                "note": None if n % 5 else f"note {n}",
                "fee": None if n % 7 == 0 else n * 0.125,
                "trader": f"t{n}",
            },
        }


def decimal(cents):
    sign, cents = ("-" if cents < 0 else ""), abs(cents)
    return f"{sign}{cents // 100}.{cents % 100:02}"


def job(kind, count):
    """What a program is given to send."""
    return {"schemas": schemas(kind), "records": list(records(count))}


def time(millis):
    moment = datetime.datetime.fromtimestamp(0, datetime.timezone.utc) + datetime.timedelta(milliseconds=millis)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond:06}Z"


def expected(kind, record):
    """The row of a record, by column. What is not there is null."""
    value, version = record["value"], record["schema"] + 1
    has_note, has_fee = version < 4, version > 1
    row = {
        "id": value["id"],
        "symbol": value["symbol"],
        "price": value["price"],
        "qty": value["qty"],
        "at": time(value["at_ms"]),
        "side": value["side"],
        "levels": value["levels"],
        "tags": json.dumps(value["tags"], separators=(",", ":")),
        "venue_name": value["venue"]["name"],
        "venue_region": value["venue"]["region"],
        "raw": value["raw"],
        "note": value["note"] if has_note else None,
        "fee": value["fee"] if has_fee else None,
    }
    if kind != "protobuf":
        row["day"] = f"{value['day']}T00:00:00.000000Z"
        row["amount"] = decimal(value["amount_cents"])
    if kind != "json":
        either = value["either"]
        row["either_long"] = either if isinstance(either, int) else None
        row["either_string"] = either if isinstance(either, str) else None
        row["trader"] = value["trader"] if version > 3 else None
    return row


TYPES = {
    "id": "LONG", "symbol": "VARCHAR", "price": "DOUBLE", "qty": "LONG", "at": "TIMESTAMP", "day": "TIMESTAMP",
    "side": "VARCHAR", "levels": "DOUBLE[]", "tags": "VARCHAR", "venue_name": "VARCHAR", "venue_region": "VARCHAR",
    "amount": "VARCHAR", "raw": "VARCHAR", "note": "VARCHAR", "fee": "DOUBLE", "either_long": "LONG",
    "either_string": "VARCHAR", "trader": "VARCHAR",
}


def verify(stack, topic, kind, count):
    """Every record is one row, every column is of its type, every value is what was sent."""
    rows = [expected(kind, record) for record in records(count)]
    columns = list(rows[0])
    types = dict(stack.sql(f"SELECT \"column\", type FROM table_columns('{topic}')"))
    wanted = {column: TYPES[column] for column in columns} | {"timestamp": "TIMESTAMP"}
    if types != wanted:
        differing = sorted(set(types.items()) ^ set(wanted.items()))
        raise Failure(f"the table's columns differ: {differing}")
    names = ", ".join(f'"{column}"' for column in columns)
    found = stack.sql(f"SELECT {names} FROM '{topic}' ORDER BY id")
    if len(found) != count:
        raise Failure(f"{len(found)} rows for {count} records")
    for row, values in zip(rows, found):
        for column, value in zip(columns, values):
            if not same(column, value, row[column]):
                raise Failure(f"record {row['id']}: {column} is {value!r} and was sent as {row[column]!r}")


def same(column, found, sent):
    if column == "tags" and isinstance(found, str):
        return json.loads(found) == json.loads(sent)
    if column == "amount" and isinstance(found, str):
        # JSON's numbers have no zeros at their end.
        return found == sent or found == sent.rstrip("0").rstrip(".")
    return found == sent
