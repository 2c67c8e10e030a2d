"""A large export is read in bounded memory, whatever is in its lines."""

import os
import re
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from django.db import connection

from integrations.models import BulkLine
from integrations.pipeline.bulk_progress import Progress, Step
from tests import factories

ORDERS, CHILDREN = 40_000, 4
LINES = ORDERS * (CHILDREN + 1)


def pieces():
    """200,000 lines: some hold signs that line readers take for the end of one."""
    for start in range(0, ORDERS, 500):
        part = range(start, start + 500)
        yield "".join(
            f'{{"id":"gid://shopify/Order/{n}","note":"a\u2028b\u0085c","pad":"{"x" * 700}"}}\n'
            for n in part
        ).encode()
        yield "".join(
            f'{{"id":"gid://shopify/LineItem/{n}-{c}","quantity":1,"pad":"{"y" * 250}",'
            f'"__parentId":"gid://shopify/Order/{n}"}}\n'
            for n in part
            for c in range(CHILDREN)
        ).encode()


class _Storage(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/jsonl")
        self.end_headers()
        for piece in pieces():
            self.wfile.write(piece)

    def log_message(self, *_):
        """Stay quiet."""


@pytest.fixture
def storage():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Storage)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/file"
    server.shutdown()
    server.server_close()


MEASURE = """
import os, re, django
django.setup()
from datetime import UTC, datetime
from integrations.models import SyncWindow
from integrations.pipeline import bulk_files
from integrations.pipeline.bulk_progress import Progress
from integrations.pipeline.turns import Turn
from integrations.platforms.downloads import Link

now = lambda: datetime.now(UTC)
claim = SyncWindow.objects.claim(by="measured", now=now())
window = SyncWindow.objects.select_related("job__store").get(pk=claim.pk)
turn = Turn(claim, window, now, lambda: False, lambda: None)
done = bulk_files.fetch(turn, Progress.of(window), Link(os.environ["FILE"]))
# Of this program alone: what `getrusage` says includes whoever started it.
peak = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
print("done", done, "peak", peak // 1024)
"""


def test_two_hundred_thousand_lines_need_less_than_200_mb(transactional_db, storage):
    job = factories.a_sync_job(factories.a_store(), state="running")
    progress = Progress(Step.FETCHING, run_id="1", roots=ORDERS)
    window = factories.a_sync_window(job, state="reading", way="bulk", bulk=progress.but())
    chosen = connection.settings_dict
    host = chosen["OPTIONS"].get("host") or chosen["HOST"]
    environment = os.environ | {
        "DATABASE_URL": f"postgres://postgres@/{chosen['NAME']}?host={host}",
        "DJANGO_SETTINGS_MODULE": "syncconsole.settings",
        "FILE": storage,
    }
    told = subprocess.run(
        [sys.executable, "-c", MEASURE],
        env=environment,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=False,
        timeout=120,
    )

    found = re.search(r"done True peak (\d+)", told.stdout)
    assert found, told.stdout + told.stderr
    assert int(found[1]) < 200
    window.refresh_from_db()
    assert Progress.of(window).step is Step.LANDING
    assert BulkLine.objects.filter(window=window).count() == LINES
