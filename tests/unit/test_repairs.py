from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.domain import repairs
from integrations.domain.masking import DOT, masked
from integrations.domain.repairs import Faulty

PERSON = {
    "email": "jane@example.com",
    "first_name": "Jane",
    "phone_number": "+49301234567",
    "properties": {"Text": "• soft • warm", "Age": 7},
}
ADDRESSES = {"to": [{"email": "jane@a.de"}, {"email": "mary@b.de"}, {"email": "john@a.de"}]}


def written(document):
    return repairs.editable(document, clear=False)


def given_back(text, base):
    return repairs.given_back(repairs.read(text), base)


def test_a_fault_is_named_with_its_line_and_column():
    with pytest.raises(Faulty) as caught:
        repairs.read('{\n  "a": 1\n  "b": 2\n}')

    [fault] = caught.value.faults
    assert (fault.line, fault.column) == (3, 3)
    assert fault.sentence == "This cannot be read: expecting ',' delimiter."


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": NaN}', "NaN is not a number"),
        ('{"a": 1, "a": 2}', "“a” stands here twice"),
        ("[" * 900 + "]" * 900, "nested too deeply"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": "' + "x" * repairs.MOST_SIGNS + '"}', "which nobody can edit here"),
        ("", "expecting value"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_a_sentence(text, words):
    with pytest.raises(Faulty) as caught:
        repairs.read(text)

    assert words in str(caught.value)


def test_half_a_sign_is_refused_when_it_is_kept():
    with pytest.raises(Faulty):
        repairs.encode(repairs.read('{"a": "\\ud800"}'))


def test_amounts_keep_their_digits():
    assert repairs.read('{"a": 12.10}') == {"a": Decimal("12.10")}
    assert repairs.encode(repairs.read('{"a": 12.10, "b": 7}')) == b'{"a":12.10,"b":7}'
    assert '"a": 12.10' in written({"a": Decimal("12.10")})


def test_whoever_sees_dots_keeps_what_they_hide():
    text = written(PERSON)
    assert "jane" not in text
    assert "Jane" not in text

    assert given_back(text, PERSON) == PERSON
    assert given_back(text.replace('"Age": 7', '"Age": 8'), PERSON)["properties"]["Age"] == 8


def test_dots_are_never_kept():
    text = written(PERSON)

    with pytest.raises(Faulty) as caught:
        given_back(text.replace("j•••@", "k•••@"), PERSON)

    assert caught.value.faults[0].path == "email"
    assert "Write the whole value" in str(caught.value)
    with pytest.raises(Faulty):
        given_back('{"email": "•••"}', PERSON)


def test_a_new_value_stands_in_place_of_a_hidden_one():
    text = written(PERSON).replace("j•••@example.com", "new@example.com")

    assert given_back(text, PERSON) == PERSON | {"email": "new@example.com"}


def test_dots_of_a_text_of_its_own_stay():
    text = written(PERSON).replace("• soft • warm", "• soft • cold")

    assert given_back(text, PERSON)["properties"]["Text"] == "• soft • cold"


def test_entries_may_move_where_what_they_hide_can_be_only_one_thing():
    kept = given_back('{"to": [{"email": "m•••@b.de"}]}', ADDRESSES)

    assert kept == {"to": [{"email": "mary@b.de"}]}


def test_a_hidden_text_that_may_be_two_things_is_refused_where_it_did_not_stand():
    # Jane and John look the same behind their dots.
    with pytest.raises(Faulty):
        given_back('{"to": [{"email": "m•••@b.de"}, {"email": "j•••@a.de"}]}', ADDRESSES)
    assert given_back(written(ADDRESSES), ADDRESSES) == ADDRESSES


def test_a_hidden_number_is_given_back_as_a_number():
    base = {"latitude": 51.25, "zip": 12345}

    assert given_back(written(base), base) == base


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["email", "name", "zip", "a", "first_name"]), inner)
    ),
    max_leaves=10,
)


@given(JSON)
def test_what_was_only_looked_at_is_never_changed(document):
    assert repairs.given_back(masked(document), document) == document


@given(JSON, JSON)
def test_no_dots_are_kept_that_were_not_there(document, base):
    def texts(found):
        if isinstance(found, dict):
            found = list(found.values())
        if isinstance(found, list):
            return [text for one in found for text in texts(one)]
        return [found] if isinstance(found, str) else []

    try:
        kept = repairs.given_back(masked(document), base)
    except Faulty:
        return
    assert all(DOT not in text for text in texts(kept)) or DOT in "".join(texts(base))


def test_what_names_a_record_stays_and_says_why():
    base = {"metric": {"a": 1}, "unique_id": "7", "value": 1}

    faults = repairs.frozen({"metric": {"a": 2}, "value": 2}, base, of_message=False)

    assert [fault.path for fault in faults] == ["metric", "unique_id"]
    assert "counted twice" in faults[1].sentence
    assert repairs.frozen({"id": 1, "unique_id": "8"}, {"id": 1}, of_message=True) == []
    assert [one.path for one in repairs.frozen({"id": 2}, {"id": 1}, of_message=True)] == ["id"]
    assert repairs.frozen([], base, of_message=False) == []
    assert repairs.why_fixed(("metric", "data"), of_message=False)
    assert not repairs.why_fixed(("value",), of_message=False)
    assert not repairs.why_fixed((), of_message=True)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (("profile", "email"), "E-mail address of the customer"),
        (("properties", "Items", 1, "SKU"), "Items, number 2: SKU"),
        (("properties", "discount_code"), "Discount code"),
        ((0, "a"), "Entry, number 1: a"),
        ((), "The record"),
    ],
)
def test_fields_have_names_a_shop_owner_knows(path, words):
    assert repairs.label(path) == words


def test_what_may_be_left_out_leaves_a_way_to_reach_somebody():
    assert repairs.may_go(("phone_number",), PERSON)
    assert not repairs.may_go(("phone_number",), {"phone_number": "+49"})
    assert not repairs.may_go(("profile", "email"), {"profile": {"email": "a@b.de"}})
    assert repairs.may_go(("properties", "Text"), PERSON)
    assert not repairs.may_go(("time",), PERSON)
    assert not repairs.may_go((), PERSON)
    assert not repairs.may_go(("x", "email"), PERSON)


def test_one_field_becomes_the_kind_of_value_that_belongs_there():
    assert repairs.typed(" 12.50 ", ("value",), None) == Decimal("12.50")
    assert repairs.typed("7", ("properties", "Count"), 3) == 7
    assert repairs.typed("eur", ("value_currency",), "x") == "EUR"
    assert repairs.typed("+49 (30) 12-34", ("phone_number",), "x") == "+49301234"
    assert repairs.typed("yes", ("published",), False) is True
    assert repairs.typed("a  b", ("title",), "x") == "a b"
    for text, path, before in (
        ("1,5", ("value",), 1),
        ("maybe", ("published",), True),
        (" ", (), ""),
    ):
        with pytest.raises(Faulty):
            repairs.typed(text, path, before)


def test_what_is_too_large_or_too_deep_is_not_edited():
    deep: object = 1
    for _ in range(80):
        deep = [deep]
    assert repairs.editable(deep, clear=True) == ""
    assert repairs.editable({"a": "x" * repairs.MOST_SIGNS}, clear=True) == ""
    with pytest.raises(ValueError, match="nested"):
        repairs.load(b"[" * 100_000)
