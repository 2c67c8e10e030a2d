"""Does a login work, asked as cheaply as can be?"""

from integrations.domain.failures import Failure, FailureKind

from .answers import failure_of
from .client import Klaviyo
from .endpoints import Endpoint


def trouble(client: Klaviyo) -> Failure | None:
    """Say what Klaviyo has against a login; None when it is let in. Raises NoAnswer.

    A key need not be allowed to read the account (`accounts:read`), so where that is refused we
    see whether it may do what it is for.
    """
    failure = failure_of(client.get("accounts"))
    if failure is None or failure.status != 403 or failure.kind is not FailureKind.AUTH:
        return failure
    return trouble_writing(client)


def trouble_writing(client: Klaviyo) -> Failure | None:
    """Say what keeps a login from writing events; None when nothing does. Raises NoAnswer.

    An empty event is sent, which Klaviyo refuses for its content once it has let us in, and which
    leaves nothing behind. That permissions are looked at before content is unconfirmed.
    """
    failure = failure_of(client.post(Endpoint.EVENT, b"{}"))
    return None if failure and failure.kind is FailureKind.REJECTED else failure
