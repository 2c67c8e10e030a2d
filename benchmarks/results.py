"""RESULTS.md: each figure beside its target, with what binds it."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec

PARTS = (
    "receive",
    "pipeline",
    "latency",
    "deploy",
    "backfill",
    "backfill_rates",
    "backfill_live",
    "dead_letters",
    "judging",
    "counting",
)
HEAD = """# What was measured

Written by `make bench` (`python -m benchmarks [part …] [--quick]`; the parts are the headings).
Database, console, stand-ins and load generators share one machine, so the figures belong
together: compare ratios, not machines. The **sink** takes everything and reads nothing; the
**stand-in** is the sandbox's Klaviyo, which checks and remembers, and costs time of its own.
"""


class Figure(msgspec.Struct):
    """One line of the results."""

    name: str
    value: str
    target: str
    met: bool | None = None
    note: str = ""
    binds: str = ""


class Part(msgspec.Struct):
    """What one part found, when and where."""

    name: str
    measured_at: datetime
    machine: str
    load: str
    figures: list[Figure]


def part(name: str, *, machine: str, load: str, figures: list[Figure]) -> Part:
    """A part measured now."""
    return Part(name, datetime.now(UTC), machine, load, figures)


def keep(parts: list[Part], memory: Path) -> list[Part]:
    """Put new parts in the place of their old ones; the others stay as they were."""
    known = {one.name: one for one in _remembered(memory)} | {one.name: one for one in parts}
    ordered = [known[name] for name in PARTS if name in known]
    memory.write_bytes(msgspec.json.encode(ordered))
    return ordered


def _remembered(memory: Path) -> list[Part]:
    if not memory.exists():
        return []
    return msgspec.json.decode(memory.read_bytes(), type=list[Part])


def write(parts: list[Part], path: Path) -> None:
    """Write the page."""
    path.write_text("\n".join([HEAD, *(_section(one) for one in parts)]))


def show(one: Part) -> str:
    """A part as a few lines for the terminal."""
    return "\n".join(
        f"  {_mark(figure)} {figure.name}: {figure.value}"
        + (f"  [{figure.target}]" if figure.target else "")
        for figure in one.figures
    )


def _section(one: Part) -> str:
    rows = [
        f"| {figure.name} | {figure.value} | {figure.target or '–'} | {_mark(figure)} |"
        for figure in one.figures
    ]
    notes = [_note(figure) for figure in one.figures if figure.note or figure.binds]
    return "\n".join(
        [
            f"## {_title(one.name)}, {one.measured_at:%Y-%m-%d}",
            "",
            f"{one.machine}. {one.load}",
            "",
            "| What | Measured | Target | |",
            "|---|---|---|---|",
            *rows,
            "",
            *notes,
            "",
        ]
    )


def _title(name: str) -> str:
    return name.replace("backfill_", "backfill, ").replace("_", " ").capitalize()


def _note(figure: Figure) -> str:
    binds = f" What binds: {figure.binds}." if figure.binds else ""
    return f"- *{figure.name}.* {figure.note}{binds}"


def _mark(figure: Figure) -> str:
    return {True: "met", False: "missed", None: " "}[figure.met]
