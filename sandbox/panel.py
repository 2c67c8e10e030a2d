"""The page on which a person breaks a login, and gives it back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.html import Html, hidden, page, tag
from sandbox.messages import Call, Reply

if TYPE_CHECKING:
    from sandbox.server import Sandbox

STYLE = Path(__file__).with_name("style.css")


@dataclass(frozen=True)
class Choice:
    """What has to be chosen before a button is pressed: value -> what a person reads."""

    name: str
    label: str
    options: Mapping[str, str]


@dataclass(frozen=True)
class Button:
    """One thing a person can do; it posts to the same verb a script would."""

    verb: str
    label: str
    fields: Mapping[str, str] = field(default_factory=dict)
    choice: Choice | None = None


@dataclass(frozen=True)
class Place:
    """A shop or an account: how it stands, and what can be done to it."""

    title: str
    key: tuple[str, str]
    facts: Mapping[str, str]
    buttons: Sequence[Button]


def show(sandbox: Sandbox, call: Call) -> Reply:
    """Show everything that can be clicked."""
    done = "done" in call.query
    return page(
        f"Sandbox: {sandbox.name}",
        tag("p", "Break a login here and watch what the console makes of it."),
        tag("p", "Done. This is how things stand now.", role="status") if done else "",
        *(_section(number, place) for number, place in enumerate(sandbox.places())),
    )


def style() -> Reply:
    """Hand out the stylesheet."""
    return Reply(200, STYLE.read_bytes(), media_type="text/css; charset=utf-8")


def _section(number: int, place: Place) -> Html:
    facts = [part for fact in place.facts.items() for part in _fact(*fact)]
    heading = f"place-{number}"
    return tag(
        "section",
        tag("h2", place.title, id=heading),
        tag("dl", *facts),
        *(
            _form(f"{heading}-{count}", place.key, button)
            for count, button in enumerate(place.buttons)
        ),
        aria_labelledby=heading,
    )


def _fact(name: str, fact: str) -> tuple[Html, Html]:
    return tag("dt", name), tag("dd", fact)


def _form(form_id: str, key: tuple[str, str], button: Button) -> Html:
    if button.choice and not button.choice.options:
        return Html()
    return tag(
        "form",
        hidden(*key),
        *(hidden(name, value) for name, value in button.fields.items()),
        _select(form_id, button.choice) if button.choice else "",
        tag("button", button.label, type="submit"),
        method="post",
        action=f"/_sandbox/{button.verb}",
    )


def _select(form_id: str, choice: Choice) -> Html:
    options = [tag("option", text, value=value) for value, text in choice.options.items()]
    return tag(
        "span",
        tag("label", choice.label, for_=form_id),
        " ",
        tag("select", *options, id=form_id, name=choice.name),
        " ",
    )
