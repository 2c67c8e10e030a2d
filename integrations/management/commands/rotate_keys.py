"""Encrypting every stored login anew, with the first of the keys."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from integrations.pipeline import rotation


class Command(BaseCommand):
    """After a new key was put first in FIELD_ENCRYPTION_KEYS."""

    help = (
        "Encrypt every stored login with the first key in FIELD_ENCRYPTION_KEYS. Put the new key "
        "first and keep the old one behind it, restart, run this, and then drop the old key. It "
        "can be stopped and run again at any time."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Rotate, and name what nobody can read any more."""
        report = rotation.rotate(now=timezone.now())
        for name in report.lost:
            self.stdout.write(f"Cannot be read and has to be connected again: {name}")
        self.stdout.write(
            f"Encrypted anew: {report.rotated}. Were already: {report.current}. "
            f"Cannot be read: {len(report.lost)}."
        )
        if not report.lost:
            self.stdout.write("Keys behind the first one are no longer needed.")
