"""Django's way to the webhook endpoint: translate, one call, translate back."""

from django.db import DatabaseError, IntegrityError, InterfaceError, connection
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from integrations.pipeline import intake


@csrf_exempt
def shopify(request: HttpRequest, public_id: str) -> HttpResponse:
    """Take one webhook of one store."""
    return _answer(request, public_id)


@csrf_exempt
def shopify_compliance(request: HttpRequest) -> HttpResponse:
    """Take a privacy request; its signed body names the store."""
    return _answer(request, intake.COMPLIANCE)


def _answer(request: HttpRequest, address: str) -> HttpResponse:
    if request.method != "POST":
        return _response(intake.NOT_POST)
    length = request.META.get("CONTENT_LENGTH") or ""
    if length.isdecimal() and int(length) > intake.max_bytes():
        return _response(intake.TOO_LARGE)
    # Django reads nothing where no length is named; a server that ends a chunked body says so.
    chunked = not length.isdecimal() and request.META.get("wsgi.input_terminated")
    stream = request.META["wsgi.input"] if chunked else request
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        with connection.cursor() as cursor, connection.wrap_database_errors:
            answer = intake.receive(
                address,
                headers=headers,
                body=stream.read(intake.max_bytes() + 1),
                now=timezone.now(),
                keep=lambda row: intake.insert(cursor.cursor, row),
            )
    except IntegrityError:  # the store was deleted between the look-up and the insert
        intake.forget_stores()
        return _response(intake.UNKNOWN_STORE)
    except (DatabaseError, InterfaceError):
        connection.close()
        return _response(intake.UNAVAILABLE)
    if answer.stored:
        intake.nudge(now=timezone.now())
    return _response(answer)


def _response(answer: intake.Answer) -> HttpResponse:
    response = HttpResponse(answer.text, status=answer.status, content_type="text/plain")
    for name, value in answer.headers:
        response[name] = value
    return response
