"""The addresses a platform or a load balancer asks whether we can work."""

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from integrations.pipeline import readiness


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """Say "ok" when the database answers."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return HttpResponse("no database\n", status=503, content_type="text/plain")
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """Say line by line what works; 503 where nobody should be sent here.

    Silent workers are a warning and no 503: webhooks are received and kept without them, and they
    would be lost if the web processes were taken out of service as well.
    """
    found = readiness.look(now=timezone.now())
    return HttpResponse(
        "".join(f"{line}\n" for line in found.lines),
        status=200 if found.is_ready else 503,
        content_type="text/plain",
    )
