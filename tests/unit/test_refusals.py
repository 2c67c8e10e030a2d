"""A refusal says what happened, what it means and what to do, and never a placeholder."""

import pytest

from integrations.domain import refusals

FACTS = refusals.Facts(
    platform="Klaviyo", wanted="Alpine (A1)", found="Valley (V1)", old="a key", new="a sign-in",
    detail="It said no.",
)  # fmt: skip


@pytest.mark.parametrize("code", sorted(refusals.WORDS))
@pytest.mark.parametrize("facts", [FACTS, refusals.Facts()], ids=["facts", "none"])
def test_each_refusal_is_whole_in_words(code, facts):
    words = refusals.words(code, facts)

    assert words.title
    assert words.advice
    assert "{" not in words.title + words.message + words.advice


def test_another_account_is_named_beside_the_one_that_is_meant():
    message = refusals.words("other_account", FACTS).message

    assert "Alpine (A1)" in message
    assert "Valley (V1)" in message
