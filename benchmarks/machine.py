"""What it was measured on: enough to judge the figures, nothing that names the machine."""

import platform
from importlib.metadata import version
from pathlib import Path

import psutil

PACKAGES = ("django", "django-q2", "gunicorn", "psycopg", "msgspec")


def describe(postgres: str) -> str:
    """One paragraph about hardware and versions."""
    memory = psutil.virtual_memory().total / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{psutil.cpu_count()} cores ({_processor()}), {memory:.0f} GB of memory, "
        f"{platform.system()} on {platform.machine()}; Python {platform.python_version()}, "
        f"PostgreSQL {postgres.split()[0]} with its default configuration, {packages}"
    )


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown processor"
