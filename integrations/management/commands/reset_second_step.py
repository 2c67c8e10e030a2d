"""Let somebody set up a new second step, when no administrator is left who could do it."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from integrations.models import User
from integrations.pipeline import audit, second_step


class Command(BaseCommand):
    """Take a person's second step away."""

    help = "Take a person's second step away; staff set up a new one when they sign in."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whose."""
        parser.add_argument("email")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it and say so."""
        user = User.objects.filter(email__iexact=options["email"]).first()
        if user is None:
            raise CommandError("Nobody has this e-mail address.")
        second_step.switch_off(user, by=audit.AUTOMATIC, now=timezone.now())
        self.stdout.write(f"The second step of {user.email} is reset.")
