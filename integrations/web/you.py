"""A person's own login: name, teams, password, second step."""

from django.http import HttpResponse

from integrations.models import Membership
from integrations.pipeline import second_step

from .access import Signed, answer, signed_in


@signed_in
def you(request: Signed) -> HttpResponse:
    """What there is to know and to change about one's own login."""
    app = second_step.app_of(request.user)
    context = {
        "memberships": Membership.objects.filter(user=request.user)
        .select_related("merchant")
        .order_by("merchant__name", "pk"),
        "app": app,
        "codes_left": second_step.codes_left(request.user) if app else 0,
    }
    return answer(request, "you.html", context)
