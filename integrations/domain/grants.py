"""What a platform hands out when it lets us in."""

from datetime import timedelta

import msgspec


class Grant(msgspec.Struct, frozen=True):
    """An access token or key, and what renews it. Its repr gives nothing away."""

    access: str
    refresh: str = ""
    # None where it does not end, or where the platform did not say.
    expires_in: timedelta | None = None
    refresh_expires_in: timedelta | None = None
    scopes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "<Grant>"


class App(msgspec.Struct, frozen=True):
    """Our own app, as a platform knows it. Its repr names no secret."""

    client_id: str
    secret: str

    def __repr__(self) -> str:
        return f"<App {self.client_id}>"
