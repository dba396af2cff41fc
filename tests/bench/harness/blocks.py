"""The figures of a run as Markdown, by the names that docs/performance.md has for them."""

from . import targets
from .results import Missing, median

MIB = 1 << 20
NOT_YET = "No run yet."


def markdown(heads, rows):
    """A table; numbers stand on the right."""
    rows = [[str(cell) for cell in row] for row in rows]
    numeric = lambda column: all(row[column][:1].isdigit() or row[column] == "–" for row in rows)
    right = [column > 0 and numeric(column) for column in range(len(heads))]
    lines = ["| " + " | ".join(heads) + " |", "|" + "|".join("---:" if is_right else "---" for is_right in right) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def machine(results):
    lines = []
    for told, parts in results.runs():
        lines.append(
            f"{told['date']}, quafka {told['quafka']}, commit {told['commit']}: {told['cores']} cores ({told['cpu']}), "
            f"{told['memory_gib']:.0f} GiB, Linux {told['kernel']}; QuestDB {told['questdb'].rpartition(':')[2]}, "
            f"Java {told['java']}, {told['compiler']} ({', '.join(sorted(parts))})."
        )
    if not lines:
        raise Missing("a run")
    return "\n".join(lines)


def all_targets(results):
    if not results.parts:
        raise Missing("a run")
    return markdown(["what", "target", "measured", ""], targets.table(results))


def micro(results):
    rows = [
        [one["what"], f"{one['nanos_per_record']:,.0f}", f"{one['records_per_second'] / 1e6:.2f}"]
        for one in results.part("micro")["cases"]
    ]
    return markdown(["on one core", "ns a record", "M records/s"], rows)


def stream(name, streams):
    """The medians of streams of one kind."""
    figure = lambda of: median([of(one) for one in streams])
    cpu = lambda who: figure(lambda one: one["processes"][who]["cpu_seconds_per_million_rows"])
    peak = lambda who: max(one["processes"][who]["peak_resident_bytes"] for one in streams) / MIB
    through = name.startswith("quafka")
    return [
        name,
        f"{figure(lambda one: one['rows_per_second_visible']):,.0f}",
        f"{figure(lambda one: one['rows_per_second_acked']):,.0f}",
        f"{cpu('gateway'):.2f}" if through else "–",
        f"{cpu('questdb'):.2f}",
        f"{peak('gateway'):.0f} MiB" if through else "–",
        f"{peak('questdb'):.0f} MiB",
        f"{figure(lambda one: one['ack_ms']['p50']):.1f} / {figure(lambda one: one['ack_ms']['p99']):.1f}",
    ]


def throughput(results):
    rounds = results.part("throughput")["rounds"]
    rows = [stream("quafka, 1,000 records a batch", [one["gateway"] for one in rounds])]
    for number, direct in enumerate(rounds[0]["direct"]):
        name = f"direct, {direct['batch']:,} rows a request"
        rows.append(stream(name, [one["direct"][number]["measured"] for one in rounds]))
    heads = [
        "", "rows/s visible", "rows/s acknowledged", "CPU-s/M rows, gateway", "QuestDB", "peak resident, gateway", "QuestDB",
        "ms to the answer, p50 / p99",
    ]
    return markdown(heads, rows)


def latency(results):
    names = {
        "produce_to_ack": "produce to ack, one after the other",
        "questdb_commit": "QuestDB's own commit of a row, ILP over HTTP, one after the other",
        "produce_to_ack_alone": "produce to ack, every 20 ms",
        "questdb_commit_alone": "QuestDB's own commit, every 20 ms",
        "produce_to_visible": "produce to visible",
        "questdb_commit_to_visible": "QuestDB's own commit to visible",
    }
    part = results.part("latency")
    rows = [
        [text, *(f"{part[name][quantile]:.3f}" for quantile in ("p50", "p90", "p99", "p999")), f"{part[name]['count']:,}"]
        for name, text in names.items()
    ]
    return markdown(["ms", "p50", "p90", "p99", "p99.9", "records"], rows)


def connections(results):
    part = results.part("connections")
    acks = part["record_to_ack_ms"]
    rows = [
        ["idle", f"{part['idle_bytes'] / MIB:.1f} MiB resident"],
        ["after some load", f"{part['warm_bytes'] / MIB:.1f} MiB"],
        [
            f"{part['connections']:,} connections that send nothing",
            f"{part['connected_bytes'] / MIB:.1f} MiB, {part['connected_bytes_per_connection'] / 1024:.1f} KiB a connection",
        ],
        [
            "each with 100 records/s",
            f"at most {part['peak_bytes'] / MIB:.1f} MiB, {part['peak_bytes_per_connection'] / 1024:.1f} KiB a connection",
        ],
        ["records/s offered / acknowledged", f"{part['records_per_second_offered']:,.0f} / {part['records_per_second_acked']:,.0f}"],
        ["records a batch", f"{part['records_per_batch']:.1f}"],
        ["ms from a record to its ack", f"p50 {acks['p50']:.1f}, p99 {acks['p99']:.1f}, at most {acks['max']:.1f}"],
        [
            "cores busy: gateway / QuestDB / the generator",
            " / ".join(f"{part['cores'][who]:.2f}" for who in ("gateway", "questdb", "generator")),
        ],
    ]
    return markdown(["", ""], rows)


def growth(results):
    rows = []
    for part in ("tables", "columns"):
        for point in results.part(part)[part]:
            ours, direct = point["gateway"], point["direct"]
            rows.append([
                f"{point['point']} {part if point['point'] > 1 else part.rstrip('s')}",
                f"{ours['rows_per_second']:,.0f}", f"{direct['rows_per_second']:,.0f}",
                f"{ours['json_bytes_per_second'] / 1e6:.0f}", f"{direct['json_bytes_per_second'] / 1e6:.0f}",
                f"{ours['gateway_cpu']:.2f}", f"{ours['questdb_cpu']:.2f}", f"{direct['questdb_cpu']:.2f}",
            ])
    heads = [
        "", "rows/s", "direct", "MB/s as JSON", "direct", "CPU-s/M rows, gateway", "QuestDB", "QuestDB, direct",
    ]
    return markdown(heads, rows)


def qwp(results):
    part = results.part("qwp")
    rows = [
        [
            text, f"{part[who]['cpu_seconds_per_million_rows']:.2f}", f"{part[who]['rows_per_second']:,.0f}",
            f"{part[who]['bytes_per_row']:.1f}", f"{part[who]['rows_per_message']:,.0f}",
        ]
        for who, text in (("sink", "encoder and lanes, from blocks"), ("gateway", "the whole gateway, from Produce requests"))
    ]
    return markdown(["", "CPU-s/M rows", "rows/s", "bytes a row", "rows a message"], rows)


def perf_test(results):
    part = results.part("perf-test")
    rows = []
    names = {
        "gateway": "quafka, into QuestDB", "spool": "quafka with `durability = \"spool\"`",
        "intake": "the same while QuestDB is stopped", "kafka": f"Apache Kafka {part['kafka']}",
    }
    for who, text in names.items():
        every = part["rounds"][who]
        rows.append([
            text, f"{median([one['records_per_second'] for one in every]):,.0f}",
            f"{median([one['p50_ms'] for one in every]):,.0f} / {median([one['p99_ms'] for one in every]):,.0f}",
            f"{median([one['server_cpu_seconds_per_million'] for one in every]):.2f}",
            f"{max(one['server_peak_bytes'] for one in every) / MIB:.0f} MiB",
        ])
    return markdown(["", "records/s", "ms to the ack, p50 / p99", "its CPU-s/M records", "peak resident"], rows)


BLOCKS = {
    "machine": machine, "targets": all_targets, "micro": micro, "throughput": throughput, "latency": latency,
    "connections": connections, "growth": growth, "qwp": qwp, "perf-test": perf_test,
}


def text(name, results):
    try:
        return BLOCKS[name](results)
    except Missing:
        return NOT_YET
