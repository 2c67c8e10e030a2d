"""What sending a failed record again would lead to."""

import pytest

from integrations.domain.prospects import ANSWERLESS, PLAIN, Facts, outlook
from integrations.domain.replays import Prospect


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, Prospect.RECORDED),
        ({"is_gone": True, "is_held": True, "refusal": "No."}, Prospect.GONE),
        ({"is_held": True, "refusal": "No."}, Prospect.IGNORED),
        ({"refusal": "No.", "is_event": True, "is_imported": True}, Prospect.REFUSED),
        ({"is_event": True, "is_imported": True}, Prospect.TWICE),
        ({"is_imported": True}, Prospect.RECORDED),
        ({"is_event": True, "unanswered": True, "is_changed": True}, Prospect.TWICE),
        ({"is_event": True, "unanswered": True}, Prospect.RECORDED),
        ({"is_event": True, "is_changed": True}, Prospect.RECORDED),
        # A profile is written over, so telling it twice changes nothing.
        ({"unanswered": True, "is_changed": True}, Prospect.RECORDED),
    ],
)
def test_the_prospect_follows_from_the_facts(facts, expected):
    assert outlook(Facts(**facts)).prospect is expected


def test_each_says_why():
    assert outlook(Facts(refusal="The date is wrong.")).why == "The date is wrong."
    assert outlook(Facts()).why == PLAIN
    assert outlook(Facts(unanswered=True)).why == ANSWERLESS
