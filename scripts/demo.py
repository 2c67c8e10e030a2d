"""The whole console on this machine, with two made-up shops that sell while you watch.

Starts the embedded PostgreSQL, the sandbox, and the web and worker processes with the commands
of the Procfile. Ctrl-C ends everything it started; the next start goes on where this one ended.
"""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".demo"
DATABASE = STATE / "pg"
CODES = STATE / "codes.txt"
MAIL = STATE / "mail"
sys.path.insert(0, str(ROOT))
# Long enough for the worker to give its work back and for the database to check-point.
PATIENCE = 30
SHOPIFY_SECRET = "shpss_demo"
SHOPIFY_APP = "demo-app"
KLAVIYO_APP, KLAVIYO_SECRET = "demo-klaviyo-app", "demo-klaviyo-secret"
# More than in life, so that a newcomer soon finds failed records to look at.
BROKEN = 0.02
SHOPS = ("alpine-outdoor.myshopify.com", "harbour-coffee.myshopify.com")


def main() -> int:
    """Start everything, wait for Ctrl-C, end everything."""
    STATE.mkdir(exist_ok=True)
    demo = Demo()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, demo.interrupted)
    try:
        demo.start()
        demo.wait()
    except Interrupted:
        pass
    except Failed as exc:
        print(f"\n{exc}", file=sys.stderr)
        return 1
    finally:
        demo.stop()
    return 0


class Interrupted(Exception):
    """Somebody pressed Ctrl-C."""


class Failed(Exception):
    """Something did not start; the message says what and where to look."""


class Demo:
    """The processes of the demo, in the order they were started."""

    def __init__(self) -> None:
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.stopping = False
        self.ports = {
            "web": _free_port(int(os.environ.get("PORT", "8000"))),
            "klaviyo": _free_port(8091),
            "shopify": _free_port(8092),
        }
        self.env = self._environment()

    def interrupted(self, *_: object) -> None:
        """Stop at the first Ctrl-C; later ones change nothing."""
        if not self.stopping:
            self.stopping = True
            raise Interrupted

    def start(self) -> None:
        """Bring everything up, each part when the one it needs is there."""
        _say("Preparing the database")
        self._command("migrate", "--no-input", "-v", "0")
        self._command("ensure_groups")
        self._command("collectstatic", "--no-input", "-v", "0")
        _say("Opening the shops and connecting them")
        # Connecting asks the platforms first, so they must answer before the shops may sell.
        self._open_sandbox(play=False)
        world = json.loads(self._command("seed_demo").strip().splitlines()[-1])
        self._end("sandbox")
        _say("Starting the console (web and worker, as in the Procfile)")
        for name, command in _procfile().items():
            self._run(name, command)
        self._wait_for(f"http://127.0.0.1:{self.ports['web']}/healthz", "web")
        self._open_sandbox(play=True)
        self._tell(world)

    def wait(self) -> None:
        """Until Ctrl-C, or until a part ends by itself."""
        while True:
            time.sleep(0.5)
            for name, process in self.processes.items():
                if process.poll() is not None:
                    raise Failed(f"The {name} process ended by itself: see {_log(name)}")

    def stop(self) -> None:
        """End every process this started, the database last."""
        self.stopping = True
        if self.processes:
            _say("Stopping")
        for process in self.processes.values():
            _signal(process, signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE
        for name, process in self.processes.items():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                print(f"  {name} did not stop in time and was ended", file=sys.stderr)
            _signal(process, signal.SIGKILL)
        if self.env["DATABASE_URL"] != os.environ.get("DATABASE_URL"):
            from syncconsole import embedded

            embedded.stop(DATABASE)

    def _environment(self) -> dict[str, str]:
        from syncconsole import embedded

        shopify = f"http://127.0.0.1:{self.ports['shopify']}/{{shop}}"
        given = os.environ.get("DATABASE_URL")
        return os.environ | {
            "DATABASE_URL": given or embedded.url(DATABASE),
            "SECRET_KEY": _kept("secret-key", lambda: secrets.token_urlsafe(50)),
            "FIELD_ENCRYPTION_KEYS": _kept(
                "field-key", lambda: urlsafe_b64encode(secrets.token_bytes(32)).decode()
            ),
            "SHOPIFY_APP_SECRETS": SHOPIFY_SECRET,
            "SHOPIFY_BASE_URL": shopify,
            "SHOPIFY_CLIENT_ID": SHOPIFY_APP,
            "KLAVIYO_API_URL": f"http://127.0.0.1:{self.ports['klaviyo']}",
            "KLAVIYO_AUTHORIZE_URL": f"http://127.0.0.1:{self.ports['klaviyo']}/oauth/authorize",
            "KLAVIYO_CLIENT_ID": KLAVIYO_APP,
            "KLAVIYO_CLIENT_SECRET": KLAVIYO_SECRET,
            # The host people open the console at: they come back to it from a sign-in page.
            "PUBLIC_URL": self.console,
            "RECONNECT_REST_SECONDS": os.environ.get("RECONNECT_REST_SECONDS", "10"),
            "ALLOWED_HOSTS": "localhost,127.0.0.1",
            "EMAIL_URL": f"filemail:///{MAIL.relative_to(ROOT)}",
            "HTTPS": "off",
            "DEBUG": "off",
            "PORT": str(self.ports["web"]),
            "BIND": "127.0.0.1",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }

    def _command(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Failed(f"manage.py {arguments[0]} failed:\n{done.stderr or done.stdout}")
        return done.stdout

    def _run(self, name: str, command: str) -> None:
        log = _log(name).open("ab")
        self.processes[name] = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {command}"],
            cwd=ROOT,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # A group of its own: Ctrl-C reaches this script alone, which ends the others in turn.
            start_new_session=True,
        )
        log.close()

    @property
    def console(self) -> str:
        """Where people open the console."""
        return f"http://localhost:{self.ports['web']}"

    def _open_sandbox(self, *, play: bool) -> None:
        """Run the stand-ins; once the console listens, let the shops sell."""
        config = {
            "shops": [
                {
                    "domain": domain,
                    "name": domain.split(".")[0],
                    "secret": SHOPIFY_SECRET,
                    "compliance_url": f"{self.console}/webhooks/shopify/compliance/",
                    "seed": number,
                    # Enough to bring in, over two years, by the way a newcomer tries first.
                    "past_orders": 300,
                    "past_days": 700,
                }
                for number, domain in enumerate(SHOPS, 1)
            ],
            "accounts": [{"id": "DEMO01", "keys": ["pk_demo"], "name": "Northwind Klaviyo"}],
            "shopify_app": {
                "client_id": SHOPIFY_APP,
                "secret": SHOPIFY_SECRET,
                "redirect_uris": [f"{self.console}/connect/shopify/answer/"],
            },
            "klaviyo_app": {
                "client_id": KLAVIYO_APP,
                "secret": KLAVIYO_SECRET,
                "redirect_uris": [f"{self.console}/connect/klaviyo/answer/"],
            },
        }
        path = STATE / "sandbox.json"
        path.write_text(json.dumps(config))
        rate = os.environ.get("DEMO_RATE", "2")
        self._run(
            "sandbox",
            f"{sys.executable} -m sandbox --config {path} --state {STATE / 'sandbox'} "
            f"--klaviyo-port {self.ports['klaviyo']} --shopify-port {self.ports['shopify']} "
            f"--time-scale 0.01 " + (f"--play --rate {rate} --malformed {BROKEN}" if play else ""),
        )
        self._wait_for(f"http://127.0.0.1:{self.ports['klaviyo']}/_sandbox/state", "sandbox")

    def _end(self, name: str) -> None:
        process = self.processes.pop(name)
        _signal(process, signal.SIGTERM)
        process.wait(PATIENCE)

    def _write_codes(self, second_step: dict[str, Any]) -> None:
        """Where a newcomer finds the codes of the second step."""
        lines = []
        for email, ways in second_step.items():
            lines += [email, f"  for an app: {ways['app']}", *(f"  {one}" for one in ways["codes"])]
        CODES.write_text("\n".join(lines) + "\n")
        CODES.chmod(0o600)

    def _wait_for(self, url: str, name: str) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.processes[name].poll() is not None:
                break
            try:
                with urllib.request.urlopen(url, timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        raise Failed(f"The {name} process did not come up: see {_log(name)}")

    def _tell(self, world: dict[str, Any]) -> None:
        people = world["people"]
        self._write_codes(world["second_step"])
        print(
            f"""
  Sync Console runs:     http://localhost:{self.ports["web"]}/
  The stand-in Klaviyo:  http://localhost:{self.ports["klaviyo"]}/_sandbox/
  The stand-in Shopify:  http://localhost:{self.ports["shopify"]}/_sandbox/

  Sign in as             e-mail                    password
    a merchant           {people["merchant"]:<25} {world["password"]}
    support              {people["support"]:<25} {world["password"]}
    an administrator     {people["administrator"]:<25} {world["password"]}

  Support and the administrator are asked for a code as well. Each of these works once:
    support              {", ".join(world["second_step"][people["support"]]["codes"][:3])}
    the administrator    {", ".join(world["second_step"][people["administrator"]]["codes"][:3])}
  More, and the keys for an app, are in {CODES.relative_to(ROOT)}; every start makes new ones.
  E-mails, such as invitations, are written to {MAIL.relative_to(ROOT)}/.

  Break a login at the stand-in's page (put the app out of a shop, refuse a key) and repair it
  in the console: it finds out by itself, and the button "Reconnect" leads through it.

  Each shop had orders before you came: bring them in with "Bring in past orders" on its page.

  Two shops sell, refund and ship while you watch; some of their messages come twice, late,
  out of order or broken, on purpose. Logs are in {STATE.relative_to(ROOT)}/*.log.
  Ctrl-C ends it. The next `make demo` goes on from here; `make demo-reset` begins anew.
""",
            flush=True,
        )


def _procfile() -> dict[str, str]:
    lines = (ROOT / "Procfile").read_text().splitlines()
    commands = dict(line.split(": ", 1) for line in lines if ": " in line)
    return {name: commands[name] for name in ("web", "worker")}


def _free_port(wanted: int) -> int:
    """The wanted port, or any free one when somebody else has it."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise Failed(f"Port {wanted} is taken and no other is free.")


def _kept(name: str, make: object) -> str:
    """A secret made once and kept, so that a second start can read what the first wrote."""
    path = STATE / name
    if not path.exists():
        path.write_text(make())  # type: ignore[operator]
        path.chmod(0o600)
    return path.read_text()


def _log(name: str) -> Path:
    return STATE / f"{name}.log"


def _say(text: str) -> None:
    print(f"· {text} …", flush=True)


def _signal(process: "subprocess.Popen[bytes]", number: int) -> None:
    """To the whole group, as the platform does at a deploy; a gone group is fine."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


if __name__ == "__main__":
    raise SystemExit(main())
