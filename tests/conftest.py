"""Fixtures that every room of the tests may use."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.plugins.otp_totp.models import TOTPDevice

_OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The test database, dropped at the end even if a thread or process still has it open."""
    yield
    # Opened anew: some tests end every connection there is.
    connection.close()
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        for _ in range(50):
            cursor.execute(f"SELECT count(pg_terminate_backend(pid)) {_OTHERS}")
            if not cursor.fetchone()[0]:
                break
            time.sleep(0.1)


class Console(Client):
    """A test client whose `force_login` goes all the way: staff have given their code as well."""

    def force_login(self, user: Any, backend: str | None = None) -> None:
        super().force_login(user, backend)
        if user.is_staff:
            self.give_code(user)

    def give_code(self, user: Any) -> None:
        """Take the second step, without a code."""
        app = TOTPDevice.objects.get_or_create(user=user, confirmed=True)[0]
        session = self.session
        session[DEVICE_ID_SESSION_KEY] = app.persistent_id
        session.save()


@pytest.fixture
def client() -> Console:
    return Console()
