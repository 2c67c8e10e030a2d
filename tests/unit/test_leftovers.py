"""Small corners of rules that are tested elsewhere from the outside."""

import json

from integrations.domain.masking import mask_body


def test_numbers_switches_and_nothing_are_hidden_by_their_length_only():
    body = {"phone": 491512345678, "email": None, "company": True, "address1": ["High Street"]}

    found = json.loads(mask_body(json.dumps(body).encode()))

    assert found["phone"] == "•" * 12
    assert (found["email"], found["company"]) == (None, True)
