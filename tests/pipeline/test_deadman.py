"""The outside service hears of us while all is well, and of nothing else."""

from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from integrations.models import Alert
from integrations.pipeline import alerts, deadman, health
from tests import factories as a
from tests.factories import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture
def outside(settings):
    """A service that counts the calls, and answers what it is told to."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.calls.append(self.path)
            self.send_response(self.server.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.calls, server.status = [], 200
    Thread(target=server.serve_forever, daemon=True).start()
    settings.HEARTBEAT_URL = f"http://127.0.0.1:{server.server_address[1]}/ping/secret"
    yield server
    server.shutdown()
    server.server_close()


def test_it_is_called_while_somebody_looks(outside):
    assert not deadman.sign(now=NOON)
    health.beat(alerts.WATCHER, now=NOON)

    assert deadman.sign(now=NOON)
    assert outside.calls == ["/ping/secret"]
    assert not deadman.sign(now=NOON + timedelta(minutes=4))
    assert len(outside.calls) == 1


def test_a_critical_fault_of_the_console_itself_makes_it_silent(outside):
    health.beat(alerts.WATCHER, now=NOON)
    a.an_alert(a.a_store())
    assert deadman.sign(now=NOON)

    Alert.objects.update(merchant=None, store=None)
    assert not deadman.sign(now=NOON)


def test_a_service_that_fails_is_no_fault_of_ours(outside, caplog):
    health.beat(alerts.WATCHER, now=NOON)
    outside.status = 500
    assert not deadman.sign(now=NOON)
    outside.server_close()
    outside.shutdown()

    assert not deadman.sign(now=NOON)
    assert "secret" not in caplog.text


def test_without_an_address_nobody_is_called(settings):
    settings.HEARTBEAT_URL = ""
    health.beat(alerts.WATCHER, now=NOON)

    assert not deadman.sign(now=NOON)
