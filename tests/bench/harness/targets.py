"""What the gateway is to reach, and what a run reached."""

from .results import Missing, median

MIB = 1 << 20


def rounds(results, *path):
    """A figure of the gateway's streams of 1,000 records a batch over 4 connections, of each round."""
    found = []
    for one in results.part("throughput")["rounds"]:
        value = one["gateway"]
        for key in path:
            value = value[key]
        found.append(value)
    return found


def against(results, direct_batch):
    for one in results.part("throughput")["medians_of_ratios"]:
        if one["direct_batch"] == direct_batch:
            return one
    raise Missing(f"throughput beside {direct_batch} rows a request")


def case(results, name):
    for one in results.part("micro")["cases"]:
        if one["name"] == name:
            return one
    raise Missing(name)


def throughput(results):
    many, few = (against(results, batch)["throughput"] for batch in (10_000, 1_000))
    return f"{many:.2f}× (of 1,000 rows a request: {few:.2f}×)", many >= 0.85


def qwp(results):
    sink, gateway = (results.part("qwp")[who]["cpu_seconds_per_million_rows"] for who in ("sink", "gateway"))
    return f"{sink:.2f} CPU-s (the whole gateway: {gateway:.2f})", sink <= 0.35


def gateway_cpu(results):
    cpu = median(rounds(results, "processes", "gateway", "cpu_seconds_per_million_rows"))
    return f"{cpu:.2f} CPU-s", cpu <= 0.6


def questdb_cpu(results):
    many, few = (against(results, batch)["questdb_cpu"] for batch in (10_000, 1_000))
    return f"{many:.2f}× (of 1,000 rows a request: {few:.2f}×)", many <= 1.1


def batch_decode(results):
    nanos = case(results, "batch_decode")["nanos_per_record"]
    return f"{nanos:.1f} ns", nanos <= 25


def rows_of(name, at_least):
    def figure(results):
        million = case(results, name)["records_per_second"] / 1e6
        return f"{million:.2f} M rows/s", million >= at_least
    return figure


def idle(results):
    mib = results.part("connections")["idle_bytes"] / MIB
    return f"{mib:.1f} MiB", mib <= 15


def loaded(results):
    mib = max(rounds(results, "processes", "gateway", "peak_resident_bytes")) / MIB
    return f"{mib:.0f} MiB", mib <= 64


def ack(results):
    p50 = lambda name: results.part("latency")[name]["p50"]
    ours, questdb = p50("produce_to_ack"), p50("questdb_commit")
    alone, questdb_alone = p50("produce_to_ack_alone"), p50("questdb_commit_alone")
    text = f"{ours:.3f} ms, {ours / questdb:.2f}× (every 20 ms: {alone:.3f} ms, {alone / questdb_alone:.2f}×)"
    return text, ours <= 2 * questdb


def visible(results):
    millis = results.part("latency")["produce_to_visible"]["p50"]
    return f"{millis:.1f} ms", millis <= 10


def perf_test(who, at_least):
    def compared(results):
        ratio = results.part("perf-test")["ratio"][who]
        return f"{ratio:.2f}×", ratio >= at_least
    return compared


def fleet(results):
    part = results.part("connections")
    p99, kept_up = part["record_to_ack_ms"]["p99"], part["records_per_second_acked"] / part["records_per_second_offered"]
    text = f"p99 {p99:.0f} ms at {100 * kept_up:.1f} % of that rate; {part['peak_bytes_per_connection'] / 1024:.0f} KiB a connection"
    return text, p99 < 100 and kept_up >= 0.98


def growth(part, figure):
    def grown(results):
        points = results.part(part)[part]
        ours, questdb = (points[-1][way][figure] / points[0][way][figure] for way in ("gateway", "direct"))
        return f"{ours:.2f}× (without the gateway: {questdb:.2f}×)", ours >= 0.9
    return grown


# What, the target, and the function that gives what was measured and whether that is enough.
TARGETS = [
    ("End to end, batches of 1,000 records, 4 connections", "≥ 0.85× of a direct client, 10,000 rows a request", throughput),
    ("The client's side over QWP, for a million rows", "≤ 0.35 CPU-s", qwp),
    ("The gateway's CPU for a million rows over ILP", "≤ 0.6 CPU-s", gateway_cpu),
    ("QuestDB's CPU", "≤ 1.10× of what a direct client causes", questdb_cpu),
    ("Record batch to records, 100 bytes each, checksum included", "≤ 25 ns a record", batch_decode),
    ("JSON object of 6 fields to a block, one core", "≥ 5 M rows/s", rows_of("json_trade", 5)),
    ("the same, in the end", "≥ 8 M rows/s", rows_of("json_trade", 8)),
    ("Record batch of Avro of 8 fields to a block, one core", "≥ 11 M rows/s", rows_of("avro_8_fields", 11)),
    ("Record batch of Protobuf of 8 fields to a block, one core", "≥ 10 M rows/s", rows_of("protobuf_8_fields", 10)),
    ("Resident, idle", "≤ 15 MiB", idle),
    ("Resident, under full load", "≤ 64 MiB", loaded),
    ("Produce to ack, one record at a time, p50", "≤ 2× QuestDB's own commit", ack),
    ("Produce to visible, p50", "≤ 10 ms", visible),
    ("`kafka-producer-perf-test`, acks=all, batch.size=262144", "≥ 1× of Apache Kafka in the same run", perf_test("gateway", 1)),
    ("the same, taken into the spool and synced", "≥ 0.8× of Apache Kafka, which does not sync", perf_test("intake", 0.8)),
    ("the same, while QuestDB follows on the same cores", "≥ 0.8× of Apache Kafka", perf_test("spool", 0.8)),
    ("1,000 connections, 100 records/s each", "p99 of acks < 100 ms", fleet),
    ("Rows/s into 100 tables, of those into one", "flat: ≥ 0.9×", growth("tables", "rows_per_second")),
    ("Bytes/s of 60 columns, of those of 6", "flat: ≥ 0.9×", growth("columns", "json_bytes_per_second")),
]


def table(results):
    """Rows of what, target, measured, verdict."""
    for what, target, figure in TARGETS:
        try:
            measured, met = figure(results)
            yield [what, target, measured, "met" if met else "**missed**"]
        except Missing:
            yield [what, target, "not measured", ""]
