"""An id for each request: the one it came with, or a new one, in its log lines and its answer."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from integrations import correlation

HEADER = "X-Request-ID"


class RequestIds:
    """The outermost middleware, so that whatever the others log has the id as well."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer under the id."""
        with correlation.of_request(request.headers.get(HEADER)) as known:
            vars(request)["correlation_id"] = known
            response = self.get_response(request)
            response[HEADER] = known
            return response
