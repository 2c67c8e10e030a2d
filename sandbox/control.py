"""The door at the back: scripts in, memory out, over HTTP on the stand-in's own port."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from sandbox import panel
from sandbox.html import page, redirect
from sandbox.messages import Call, Reply

if TYPE_CHECKING:
    from sandbox.server import Sandbox

SHOWN = 200


def control(sandbox: Sandbox, call: Call) -> Reply:
    """Answer one call under /_sandbox."""
    what = call.path.removeprefix("/_sandbox").strip("/")
    match call.method, what:
        case "POST", "script":
            return _script(sandbox, call)
        case "POST", "reset":
            sandbox.reset()
            return Reply(204)
        case "GET", "state":
            return Reply(200, state(sandbox))
        case "GET", "calls":
            return Reply(200, {"calls": _last_calls(sandbox, call)})
        case "GET", "":
            return panel.show(sandbox, call)
        case "GET", "style.css":
            return panel.style()
    if call.method == "POST":
        done = _act(sandbox, what, call)
        return _shown(done) if call.is_form else done
    listing = sandbox.listing(what, call)
    return Reply(404, {"error": f"no {what} here"}) if listing is None else Reply(200, listing)


def _act(sandbox: Sandbox, what: str, call: Call) -> Reply:
    try:
        done = sandbox.act(what, call)
    except (msgspec.DecodeError, AttributeError, KeyError, TypeError, ValueError) as exc:
        return Reply(400, {"error": f"{type(exc).__name__}: {exc}"})
    return Reply(404, {"error": f"no {what} here"}) if done is None else Reply(200, done)


def _shown(done: Reply) -> Reply:
    """Lead whoever pressed a button back to where the buttons are."""
    if done.status == 200:
        return redirect("/_sandbox/?done", status=303)
    return page("That did not work", done.body["error"], status=done.status)


def state(sandbox: Sandbox) -> dict[str, Any]:
    """Count what is remembered, the platform's part and ours."""
    with sandbox.lock:
        return {
            "name": sandbox.name,
            "calls": len(sandbox.calls),
            "planned": sandbox.script.pending(),
            **sandbox.state(),
        }


def limit_of(call: Call) -> int:
    """Say how many rows a listing may show."""
    return int(call.query.get("limit", SHOWN))


def _script(sandbox: Sandbox, call: Call) -> Reply:
    try:
        settings = call.json
        sandbox.script.load(settings)
        sandbox.configure(settings)
    except (msgspec.DecodeError, AttributeError, KeyError, TypeError, ValueError) as exc:
        return Reply(400, {"error": f"{type(exc).__name__}: {exc}"})
    return Reply(204)


def _last_calls(sandbox: Sandbox, call: Call) -> list[dict[str, Any]]:
    match = call.query.get("match", "")
    newest_first = (line for line in reversed(list(sandbox.calls)) if match in line["path"])
    return list(islice(newest_first, limit_of(call)))
