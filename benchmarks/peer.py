"""dlt beside us: installed into a throw-away environment, and run against the same stand-ins."""

import json
import subprocess
import sys
import venv
from pathlib import Path

import msgspec

from benchmarks.ground import Ground
from benchmarks.processes import ROOT
from benchmarks.watch import Watch

VERSION = "1.31.0"
HOME = ROOT / ".cache" / "bench" / f"dlt-{VERSION}"
LONGEST = 7200.0


class NoPeer(Exception):
    """dlt cannot be had here; the message says why."""


class Peer(msgspec.Struct):
    """What dlt did."""

    orders: int
    events: int
    seconds: float
    cpu: float
    megabytes: float


def python() -> Path:
    """The interpreter of the environment, made when it is not there. Raises NoPeer."""
    found = HOME / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    ready = HOME / "ready"
    if ready.exists():
        return found
    try:
        venv.create(HOME, with_pip=True, clear=True)
        subprocess.run(
            [found, "-m", "pip", "install", "--quiet", f"dlt=={VERSION}", "requests"],
            check=True,
            capture_output=True,
            text=True,
            timeout=600,
        )
    except (OSError, subprocess.SubprocessError) as exc:
        said = getattr(exc, "stderr", "") or str(exc)
        raise NoPeer(f"dlt {VERSION} could not be installed: {said.strip()[-300:]}") from exc
    ready.touch()
    return found


def run(ground: Ground, *, shop: str, domain: str, klaviyo: str, search: str) -> Peer:
    """Let dlt read and load everything. Raises NoPeer."""
    from integrations.platforms.klaviyo import REVISION
    from integrations.platforms.shopify import API_VERSION
    from integrations.platforms.shopify.client import document

    spec = {
        "shop": f"{shop}/{domain}/admin/api/{API_VERSION}/graphql.json",
        "token": "shpat_bench",
        "query": document("orders_window"),
        "search": search,
        "klaviyo": klaviyo,
        "key": "pk_bench_0",
        "revision": REVISION,
        "directory": str(ground.directory / "dlt"),
    }
    command = [str(python()), str(ROOT / "benchmarks" / "dlt_peer.py"), json.dumps(spec)]
    process = ground.processes.run("dlt", command, ground.env, stdout=subprocess.PIPE)
    with Watch({"dlt": process.pid}) as watch:
        out, _ = process.communicate(timeout=LONGEST)
    if process.returncode:
        raise NoPeer(f"dlt ended with an error: {ground.processes.last_words('dlt')[-500:]}")
    ground.processes.stop("dlt")
    took = json.loads(out.strip().splitlines()[-1])
    return Peer(**took, megabytes=watch.megabytes().get("dlt", 0.0))
