"""The stock admin site, entered through the console's own sign-in."""

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url


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
