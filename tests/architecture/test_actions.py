"""Every action the code writes into the history has a sentence, and stands in a kind."""

import ast
import re
from pathlib import Path

from integrations.domain.actions import KINDS, ROLES, SENTENCES, Kind, name_of, sentence, written

ROOT = Path(__file__).resolve().parents[2] / "integrations"
CODE = re.compile(r"[a-z][a-z_]*\.[a-z][a-z_]*")
# Look like an action and are none.
OTHERS = re.compile(r".*\.(html|txt|svg)|integrations\..*")


def recorded() -> dict[str, str]:
    """Each action and where it is named: the codes in modules that write to the trail."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        tree = ast.parse(path.read_text())
        nodes = list(ast.walk(tree))
        if not any(
            isinstance(node, ast.ImportFrom) and any(one.name == "audit" for one in node.names)
            for node in nodes
        ):
            continue
        logged = {
            id(node.args[0])
            for node in nodes
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "log"
            and node.args
        }
        for node in nodes:
            if not isinstance(node, ast.Constant) or id(node) in logged:
                continue
            text = node.value
            if isinstance(text, str) and CODE.fullmatch(text) and not OTHERS.fullmatch(text):
                found[text] = f"{path.name}:{node.lineno}"
    return found


def test_the_codes_are_found():
    assert {"credential.broken", "team.invited", "session.signed_in"} <= recorded().keys()


def test_every_action_has_a_sentence():
    missing = {code: place for code, place in recorded().items() if code not in SENTENCES}

    assert not missing, f"Say in integrations/domain/actions.py what happened: {missing}"


def test_every_action_can_be_narrowed_to():
    parts = {part for _, several in KINDS.values() for part in several}

    assert set(KINDS) == set(Kind)
    assert {code.partition(".")[0] for code in SENTENCES} == parts


def test_sentences_read_with_and_without_a_subject():
    for code in SENTENCES:
        for subject in ("x@alpine-demo.shop", ""):
            words = sentence(code, subject)
            assert words[:1].isupper() or words.startswith(subject)
            assert "{" not in words


def test_an_unknown_action_is_told_as_it_is():
    assert sentence("magic.was_done", "") == "Magic: was done"
    assert sentence("odd", "it") == "Odd (it)"
    assert name_of("gone_since") == "Gone since"
    assert set(ROLES) >= {"automatic", "owner"}


def test_values_are_written_for_people():
    assert written(None) == written("") == written([]) == "–"
    assert written(True) == "yes"
    assert written(["read_orders", "x"]) == "read orders, x"
    assert written({"was_paused": False}) == "Was paused: no"
    assert written("2026-11-20T12:00") == "2026-11-20T12:00"
