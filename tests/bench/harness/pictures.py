"""Pictures of a run, as SVG by hand: lines over a plane."""

import math
from dataclasses import dataclass
from html import escape

from .results import Missing

WIDTH, HEIGHT = 720, 380
LEFT, RIGHT, TOP, BOTTOM = 80, 20, 50, 55
COLOURS = ["#d14671", "#21313c", "#2f6fb5", "#8a8f98"]


@dataclass
class Axis:
    title: str
    low: float
    high: float
    log: bool = False
    ticks: tuple = ()

    def at(self, value, start, length):
        scale = math.log10 if self.log else float
        low, high = scale(self.low), scale(self.high)
        return start + length * (scale(value) - low) / (high - low)


def number(value):
    for unit, name in ((1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:g}{name}"
    return f"{value:g}"


def round_steps(high):
    """Four to eight ticks from 0 to a round number that is not below `high`."""
    step = 10 ** math.floor(math.log10(high))
    step = next(one for one in (step / 5, step / 2, step, step * 2) if high / one <= 8)
    return tuple(step * tick for tick in range(math.ceil(high / step) + 1))


def chart(title, x, y, lines):
    """`lines` are names, points, and whether the points are marked."""
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    across = lambda value: round(x.at(value, LEFT, width), 1)
    up = lambda value: round(y.at(value, HEIGHT - BOTTOM, -height), 1)
    svg = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="20" font-size="15">{escape(title)}</text>',
    ]
    for tick in y.ticks:
        svg.append(f'<path d="M{LEFT} {up(tick)}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        svg.append(f'<text x="{LEFT - 8}" y="{up(tick) + 4}" text-anchor="end">{number(tick)}</text>')
    for tick in x.ticks:
        svg.append(f'<path d="M{across(tick)} {HEIGHT - BOTTOM}v5" stroke="black"/>')
        svg.append(f'<text x="{across(tick)}" y="{HEIGHT - BOTTOM + 19}" text-anchor="middle">{number(tick)}</text>')
    svg.append(f'<path d="M{LEFT} {HEIGHT - BOTTOM}H{WIDTH - RIGHT}" stroke="black"/>')
    svg.append(f'<text x="{LEFT + width / 2}" y="{HEIGHT - 14}" text-anchor="middle">{escape(x.title)}</text>')
    middle = TOP + height / 2
    svg.append(f'<text transform="translate(18 {middle}) rotate(-90)" text-anchor="middle">{escape(y.title)}</text>')
    legend = LEFT
    for (name, points, marked), colour in zip(lines, COLOURS):
        path = " ".join(f"{across(at)},{up(value)}" for at, value in points)
        svg.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        if marked:
            svg += [f'<circle cx="{across(at)}" cy="{up(value)}" r="3.5" fill="{colour}"/>' for at, value in points]
        svg.append(f'<path d="M{legend} 36h18" stroke="{colour}" stroke-width="3"/>')
        svg.append(f'<text x="{legend + 23}" y="40">{escape(name)}</text>')
        legend += 45 + 6.6 * len(name)
    return "\n".join(svg + ["</svg>"]) + "\n"


def from_zero(title, lines):
    ticks = round_steps(max(value for _, points, _ in lines for _, value in points))
    return Axis(title, 0, ticks[-1], ticks=ticks)


def throughput(by, title, x_title):
    def draw(results):
        part = results.part("throughput")
        name = by.removeprefix("by_")
        points = [(one[name], one["measured"]["rows_per_second_visible"]) for one in part[by]]
        ends = [points[0][0], points[-1][0]]
        lines = [("quafka", points, True)]
        for number_of_it, direct in enumerate(part["rounds"][0]["direct"]):
            every = sorted(one["direct"][number_of_it]["measured"]["rows_per_second_visible"] for one in part["rounds"])
            level = every[len(every) // 2]
            lines.append((f"direct, {direct['batch']:,} rows a request", [(end, level) for end in ends], False))
        x = Axis(x_title, *ends, log=True, ticks=tuple(at for at, _ in points))
        return chart(title, x, from_zero("rows/s until visible", lines), lines)
    return draw


def growth(part, figure, title, x_title, y_title):
    def draw(results):
        every = results.part(part)[part]
        lines = [
            (name, [(one["point"], one[way][figure]) for one in every], True)
            for way, name in (("gateway", "quafka"), ("direct", "direct, without the gateway"))
        ]
        points = tuple(one["point"] for one in every)
        return chart(title, Axis(x_title, points[0], points[-1], log=True, ticks=points), from_zero(y_title, lines), lines)
    return draw


def latency(results):
    """Shares of all records, by bounds that grow by a tenth each."""
    part, lines = results.part("latency"), []
    names = {
        "produce_to_ack": "produce to ack", "questdb_commit": "QuestDB's commit",
        "produce_to_visible": "produce to visible", "questdb_commit_to_visible": "the same, direct",
    }
    low, high = 0.1, 100.0
    for name, text in names.items():
        shares = {}
        for bound, count in part[name]["histogram"]:
            bar = math.floor(math.log(max(bound, low) / low, 1.1))
            shares[bar] = shares.get(bar, 0) + 100 * count / part[name]["count"]
        points = []
        for bar in range(math.floor(math.log(high / low, 1.1))):
            share = shares.get(bar, 0)
            points += [(low * 1.1**bar, share), (low * 1.1 ** (bar + 1), share)]
        lines.append((text, points, False))
    x = Axis("ms, to the next tenth more", low, high, log=True, ticks=(0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100))
    return chart("One record at a time", x, from_zero("% of the records", lines), lines)


PICTURES = {
    "throughput-by-batch.svg": throughput("by_batch", "Throughput by the size of batches, 4 connections", "records a batch"),
    "throughput-by-connections.svg": throughput(
        "by_connections", "Throughput by connections, 1,000 records a batch", "Kafka connections"
    ),
    "latency.svg": latency,
    "tables.svg": growth("tables", "rows_per_second", "The same rows into more tables", "tables", "rows/s until visible"),
    "columns.svg": growth(
        "columns", "json_bytes_per_second", "The same bytes in wider rows", "columns", "bytes of JSON/s until visible"
    ),
}


def draw(results):
    """The pictures for which there are figures, by their names."""
    drawn = {}
    for name, picture in PICTURES.items():
        try:
            drawn[name] = picture(results)
        except Missing:
            pass
    return drawn
