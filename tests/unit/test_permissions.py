"""The table of who may do what, and its copy in the docs."""

from itertools import pairwise
from pathlib import Path

from integrations.domain.permissions import CAPABILITIES, Capability, Role, allows

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "permissions.md"
COLUMNS = (Role.MEMBER, Role.OWNER, Role.SUPPORT, Role.ADMINISTRATOR)


def test_the_docs_say_the_same_as_the_code():
    text = DOCUMENT.read_text()

    for capability in Capability:
        cells = ("yes" if allows(role, capability) else "–" for role in COLUMNS)
        assert f"| {capability.value} | {' | '.join(cells)} |" in text


def test_each_role_may_what_the_one_before_it_may():
    for less, more in pairwise(COLUMNS):
        assert CAPABILITIES[less] < CAPABILITIES[more]


def test_nobody_may_do_anything_without_a_role():
    assert not any(allows(None, capability) for capability in Capability)
