"""The stock admin site, entered through the console's own sign-in."""

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.utils import timezone

from integrations.models import User
from integrations.pipeline import sessions


class ConsoleAdminSite(AdminSite):
    """Raw records, for staff."""

    site_header = "Sync Console administration"
    site_title = "Sync Console administration"
    index_title = "Raw records"
    site_url = "/"
    enable_nav_sidebar = False

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Send people to the one sign-in page; somebody signed in but not staff stays outside."""
        if request.user.is_authenticated and not self.has_permission(request):
            raise PermissionDenied
        back = request.GET.get("next") or resolve_url("admin:index")
        if self.has_permission(request):
            return redirect("admin:index")
        return redirect_to_login(back, resolve_url("sign-in"))

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Write it down, as the console's own way out does."""
        if request.method == "POST" and isinstance(request.user, User):
            sessions.signed_out(request.user, now=timezone.now())
        return super().logout(request, extra_context)

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """There is one page to change a password on."""
        return redirect("password-change")
