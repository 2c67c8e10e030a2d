"""Measures what is asked for, or everything: `python -m benchmarks receive pipeline --quick`.

`python -m benchmarks backfill backfill_rates --orders 50000` fetches fewer past orders.
"""

import argparse
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import (
    backfill,
    counting,
    dead_letters,
    deploy,
    judging,
    latency,
    machine,
    pipeline,
    receive,
    results,
)
from benchmarks.ground import Ground, ground
from benchmarks.processes import ROOT, Failed

HERE = Path(__file__).resolve().parent
CACHE = ROOT / ".cache" / "bench"
Measure = Callable[..., list[results.Figure]]
MEASURES: dict[str, Measure] = {
    "receive": receive.measure,
    "pipeline": pipeline.measure,
    "latency": latency.measure,
    "deploy": deploy.measure,
    "backfill": backfill.measure,
    "backfill_rates": backfill.measure_rates,
    "backfill_live": backfill.measure_live,
    "dead_letters": dead_letters.measure,
    "judging": judging.measure,
    "counting": counting.measure,
}


def main() -> int:
    """Measure, print, write; leave nothing running."""
    chosen = _parser().parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupted)
    try:
        with ground() as where:
            parts = [_measure(where, name, chosen) for name in chosen.parts or MEASURES]
    except KeyboardInterrupt:
        print("\nInterrupted; everything has been stopped.", file=sys.stderr)
        return 130
    except Failed as exc:
        print(f"\n{exc}", file=sys.stderr)
        return 1
    _write(parts, quick=chosen.quick)
    return 0


def _interrupted(*_: object) -> None:
    """Stop at the first Ctrl-C; later ones must not keep us from stopping what we started."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _measure(where: Ground, name: str, chosen: argparse.Namespace) -> results.Part:
    print(f"· Measuring: {name} …", flush=True)
    busy = os.getloadavg()[0]
    options = {"orders": chosen.orders} if name.startswith("backfill") else {}
    figures = MEASURES[name](where, quick=chosen.quick, **options)
    where.processes.stop()
    made = results.part(
        name,
        machine=machine.describe(where.one("SHOW server_version")),
        load=f"Load average before this part began: {busy:.1f}.",
        figures=figures,
    )
    print(results.show(made), flush=True)
    return made


def _write(parts: list[results.Part], *, quick: bool) -> None:
    """Quick figures are for whoever looks at them now; only whole ones become the record."""
    if quick:
        path = CACHE / "quick.md"
        results.write(parts, path)
    else:
        path = HERE / "RESULTS.md"
        results.write(results.keep(parts, CACHE / "results.json"), path)
    print(f"· Written to {path.relative_to(ROOT)}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*MEASURES, []], metavar="part")
    parser.add_argument("--quick", action="store_true", help="short rounds, to try the harness")
    parser.add_argument("--orders", type=int, help="past orders to fetch, instead of 200,000")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
