"""The short way in for webhooks, in front of Django's middleware, for three times its speed."""

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from django.db import DatabaseError, connection

from integrations import correlation
from integrations.pipeline import intake
from integrations.pipeline.writer import StoreGone, Unwritten, Writer

from .request_ids import HEADER

log = logging.getLogger(__name__)

Environ = dict[str, Any]
StartResponse = Callable[..., Any]

PREFIX = "/webhooks/shopify/"
HEADER_PREFIXES = ("HTTP_X_SHOPIFY_", "HTTP_SHOPIFY_")


class WebhookShortcut:
    """A WSGI application: webhooks are answered here, everything else by Django."""

    def __init__(self, application: Callable[[Environ, StartResponse], Iterable[bytes]]) -> None:
        self._application = application
        self.writer = Writer()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a webhook, or hand the request on."""
        path: str = environ.get("PATH_INFO", "")
        if not path.startswith(PREFIX):
            return self._application(environ, start_response)
        with correlation.of_request(environ.get("HTTP_X_REQUEST_ID")) as request_id:
            answer = self._receive(path, environ)
        body = answer.text.encode()
        headers = [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(body))),
            (HEADER, request_id),
            *answer.headers,
        ]
        start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", headers)
        return [body]

    def _receive(self, path: str, environ: Environ) -> intake.Answer:
        if environ.get("REQUEST_METHOD") != "POST":
            return intake.NOT_POST
        length = environ.get("CONTENT_LENGTH") or ""
        if length.isdigit() and int(length) > intake.max_bytes():
            return intake.TOO_LARGE
        try:
            # Without a length (chunked) one byte more than allowed is enough to know.
            body = environ["wsgi.input"].read(
                int(length) if length.isdigit() else intake.max_bytes() + 1
            )
        except OSError:
            return intake.Answer(400, "The body did not arrive whole.\n")
        if length.isdigit() and len(body) < int(length):
            return intake.Answer(400, "The body did not arrive whole.\n")
        return self._keep(path.removeprefix(PREFIX).rstrip("/"), environ, body)

    def _keep(self, address: str, environ: Environ, body: bytes) -> intake.Answer:
        headers = {
            name[5:].lower().replace("_", "-"): value
            for name, value in environ.items()
            if name.startswith(HEADER_PREFIXES)
        }
        try:
            return intake.receive(
                address,
                headers=headers,
                body=body,
                now=datetime.now(UTC),
                keep=self.writer.keep,
            )
        except StoreGone:
            intake.forget_stores()
            return intake.UNKNOWN_STORE
        except (Unwritten, DatabaseError) as exc:
            # Django's own request signals do not run here, so a broken connection is dropped here.
            connection.close()
            log.warning("intake.unavailable", extra={"error": type(exc).__name__})
            return intake.UNAVAILABLE
