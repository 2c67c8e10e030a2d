from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from integrations.domain.diffs import NOTHING, Change, changes
from integrations.domain.pointers import replaced, without

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=12,
)


def test_each_field_that_differs_is_a_row():
    before = {"profile": {"email": "a", "phone_number": "1"}, "value": 12, "same": [1]}
    after = {"profile": {"email": "b"}, "value": 12, "same": [1], "value_currency": "EUR"}

    assert changes(before, after) == [
        Change(("profile", "email"), "a", "b"),
        Change(("profile", "phone_number"), "1", NOTHING),
        Change(("value_currency",), NOTHING, "EUR"),
    ]


def test_entries_of_lists_are_compared_in_their_order():
    assert changes({"a": [1, 2]}, {"a": [1, 3, 4]}) == [
        Change(("a", 1), 2, 3),
        Change(("a", 2), NOTHING, 4),
    ]


def test_null_is_something_and_true_is_not_one():
    assert changes({"a": None}, {}) == [Change(("a",), None, NOTHING)]
    assert changes({"a": 1}, {"a": True}) == [Change(("a",), 1, True)]
    assert changes({"a": Decimal("1.0")}, {"a": 1}) == []
    assert changes({"a": "1"}, {"a": 1}) == [Change(("a",), "1", 1)]


def test_there_is_an_end_to_the_rows_and_to_the_depth():
    assert len(changes({}, {str(number): 1 for number in range(500)}, limit=10)) == 10
    one, other = 1, 2
    for _ in range(90):
        one, other = [one], [other]
    [found] = changes(one, other)
    assert len(found.path) == 60


@given(JSON, JSON)
def test_what_differs_makes_the_one_from_the_other(before, after):
    made = before
    for one in reversed(changes(before, after, limit=10_000)):
        if one.after is NOTHING:
            made = without(made, one.path)
    for one in changes(before, after, limit=10_000):
        if one.after is NOTHING:
            continue
        if one.before is NOTHING and isinstance(one.path[-1], int):
            holder = made
            for part in one.path[:-1]:
                holder = holder[part]
            made = replaced(made, one.path[:-1], [*holder, one.after])
        else:
            made = replaced(made, one.path, one.after)

    assert changes(made, after) == []
