"""Cutting a list into requests."""

from hypothesis import given
from hypothesis import strategies as st

from integrations.domain.batches import split


@given(st.lists(st.binary(max_size=40), max_size=60), st.integers(1, 12), st.integers(5, 120))
def test_pieces_keep_the_order_and_stay_within_both_limits(bodies, most, most_bytes):
    items = list(enumerate(bodies))

    pieces = list(split(items, most=most, most_bytes=most_bytes))

    assert [item for piece in pieces for item in piece] == items
    assert all(1 <= len(piece) <= most for piece in pieces)
    for piece in pieces:
        assert len(piece) == 1 or sum(len(body) + 1 for _, body in piece) <= most_bytes


def test_an_item_larger_than_the_limit_goes_alone():
    pieces = list(split([("a", b"x"), ("b", b"x" * 50), ("c", b"x")], most=10, most_bytes=20))

    assert [[name for name, _ in piece] for piece in pieces] == [["a"], ["b"], ["c"]]
