"""Closed-loop load: sixteen clients that ask again as soon as they are answered."""

import json
import os
import re
import subprocess
from pathlib import Path

from benchmarks import shops
from benchmarks.ground import SECRET, Ground

CLIENTS = 16
BODIES = 64
# Each statement is prepared once by each client, so fewer of them leave more time to measure.
STATEMENTS = 8

# In the order of the receiving statement.
VALUES = (
    "gen_random_uuid(), :store, 0, :topic, :id, '', :version, :body{number}, now(), now(), now()"
)

# The requests are made once; only the webhook id changes, for each its own.
LUA = """
local heads, bodies, sent, tag = {}, {}, 0, nil
function init(arguments)
  tag = arguments[2]
  for number = 1, %(count)d do
    local file = io.open(arguments[1] .. "/" .. number .. ".head", "rb")
    heads[number] = file:read("*a"); file:close()
    file = io.open(arguments[1] .. "/" .. number .. ".body", "rb")
    bodies[number] = file:read("*a"); file:close()
  end
  for number, head in ipairs(heads) do
    local at = head:find("WEBHOOK-ID", 1, true)
    heads[number] = {head:sub(1, at - 1), head:sub(at + 10)}
  end
end
function request()
  sent = sent + 1
  local number = sent %% %(count)d + 1
  return heads[number][1] .. tag .. "-" .. sent .. heads[number][2] .. bodies[number]
end
function done(summary, latency)
  local errors = summary.errors
  local bad = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format('RESULT {"requests": %%d, "us": %%d, "bad": %%d}\\n',
    summary.requests, summary.duration, bad))
end
"""


class Web:
    """wrk against the webhook endpoint."""

    def __init__(self, ground: Ground, wrk: str) -> None:
        self._ground, self._wrk = ground, wrk
        self._script = _write_requests(ground)
        self._rounds = 0

    def round(self, seconds: float) -> float:
        """Requests a second, over one round."""
        self._rounds += 1
        command = [self._wrk, "-t1", f"-c{CLIENTS}", f"-d{seconds:.0f}s", "--latency"]
        command += ["-s", str(self._script), f"http://127.0.0.1:{self._ground.web_port}"]
        command += ["--", str(self._script.parent), f"r{self._rounds}"]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found = re.search(r"RESULT (.*)", text)
        assert found, text
        result = json.loads(found.group(1))
        assert not result["bad"], f"{result['bad']} requests were not answered with 200"
        return result["requests"] / result["us"] * 1_000_000


class Database:
    """pgbench doing the same INSERT: prepared, every value the same, the body a parameter."""

    def __init__(self, ground: Ground, pgbench: str) -> None:
        self._url, self._pgbench = ground.env["DATABASE_URL"], pgbench
        self._scripts, self._variables = _write_statements(ground)

    def round(self, seconds: float) -> float:
        """Transactions a second, over one round."""
        command = [self._pgbench, "-n", "-M", "prepared", "-j1", f"-c{CLIENTS}"]
        command += [f"-T{seconds:.0f}", *self._scripts, *self._variables]
        command += ["-d", self._url.replace("postgres://", "postgresql://", 1)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=_plain())
        found = re.search(r"tps = ([\d.]+) \(without", done.stdout)
        assert found, done.stderr
        return float(found.group(1))


def _write_requests(ground: Ground) -> Path:
    folder = ground.directory / "wrk"
    folder.mkdir()
    for number, told in enumerate(shops.some_orders(BODIES), 1):
        stall = ground.stalls[number % len(ground.stalls)]
        head, body = shops.request_around(stall, told, secret=SECRET)
        (folder / f"{number}.head").write_bytes(head)
        (folder / f"{number}.body").write_bytes(body)
    script = folder / "requests.lua"
    script.write_text(LUA % {"count": BODIES})
    return script


def _write_statements(ground: Ground) -> tuple[list[str], list[str]]:
    """One script for each body: the receiving statement itself, with values instead of marks."""
    from integrations.pipeline import intake

    folder = ground.directory / "pgbench"
    folder.mkdir()
    scripts, variables = [], []
    for number, told in enumerate(shops.some_orders(STATEMENTS), 1):
        store = ground.stalls[number % len(ground.stalls)].pk
        values = iter(VALUES.format(number=number).split(", "))
        statement = re.sub("%s", lambda _, values=values: next(values), intake.INSERT).strip()
        path = folder / f"{number}.sql"
        path.write_text(
            f"\\set id random(1, 1000000000000000)\n\\set store {store}\n{statement};\n"
        )
        scripts += ["-f", str(path)]
        variables += ["-D", f"body{number}={_escaped(told.body)}"]
    return scripts, [*variables, "-D", "topic=orders/create", "-D", "version=2026-10"]


def _escaped(body: bytes) -> str:
    """A bytea as text, as long as the body itself: sent in hexadecimal it would be twice that."""
    return "".join(
        "\\\\" if byte == 92 else chr(byte) if byte < 128 else f"\\{byte:03o}" for byte in body
    )


def _plain() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}
