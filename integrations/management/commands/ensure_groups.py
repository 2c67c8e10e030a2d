"""Make the two groups of staff, or bring them up to date. Safe to run after every migrate."""

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.core.management.base import BaseCommand

SUPPORT = "Support"
ADMINISTRATORS = "Administrators"
# Rows that people own; everything else is the pipeline's and cannot be changed by hand.
OWNED_BY_PEOPLE = ("user", "merchant", "membership", "store", "klaviyoaccount")


def ensure_groups() -> None:
    """Support may look at everything; administrators may also change what people own."""
    everything = Permission.objects.filter(content_type__app_label="integrations")
    looking = everything.filter(codename__startswith="view_")
    changing = everything.filter(content_type__model__in=OWNED_BY_PEOPLE)
    groups = Permission.objects.filter(content_type__app_label="auth", content_type__model="group")
    Group.objects.get_or_create(name=SUPPORT)[0].permissions.set(looking)
    Group.objects.get_or_create(name=ADMINISTRATORS)[0].permissions.set(looking | changing | groups)


class Command(BaseCommand):
    """Make the groups of staff."""

    help = "Make the groups Support and Administrators, or bring them up to date."

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it and say so."""
        ensure_groups()
        if options["verbosity"]:
            self.stdout.write(f"The groups {SUPPORT} and {ADMINISTRATORS} are up to date.")
