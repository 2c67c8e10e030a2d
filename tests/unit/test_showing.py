import json
import time

from hypothesis import given
from hypothesis import strategies as st

from integrations.domain import showing
from integrations.domain.pointers import Place


def said(pieces):
    return "".join(one.text for one in pieces)


def marked(pieces):
    return [one.text.strip() for one in pieces if one.marked]


def test_the_place_of_the_error_is_marked_and_people_are_hidden():
    person = {"email": "jane@example.com", "first_name": "Jane", "title": "Blue shirt"}

    pieces = showing.document(person, mark=Place(("email",)))

    assert marked(pieces) == ['"email": "j•••@example.com",']
    assert "Jane" not in said(pieces)
    assert "Blue shirt" in said(pieces)
    assert "Jane" in said(showing.document(person, clear=True))


def test_what_is_missing_is_marked_where_it_belongs():
    pieces = showing.document({"profile": {"email": "a@b.de"}}, mark=Place(("profile", "x"), False))

    assert marked(pieces) == ['"x": nothing stands here']


def test_a_document_is_written_as_it_can_be_read_again():
    document = {"a": [1, "x", None, True, {}, []], "b": {"c": 1.5}}

    assert json.loads(said(showing.document(document))) == document


def test_five_megabytes_are_shown_at_once_with_the_fault_among_them():
    large = {"items": [{"name": "x" * 50} for _ in range(60_000)], "text": "y" * 2_000_000}
    large |= {f"key {number}": number for number in range(5000)}
    began = time.monotonic()

    pieces = showing.document(large, mark=Place(("items", 55_555, "name")))

    assert time.monotonic() - began < 1
    assert len(pieces) < showing.MOST_LINES + 10
    assert len(marked(pieces)) == 1
    assert "59,899 more are not shown" in said(pieces)
    assert "1,999,400 more signs" in said(pieces)


def test_deep_nesting_is_cut_with_a_note():
    deep: object = 1
    for _ in range(500):
        deep = [deep]

    assert "what lies deeper is not shown" in said(showing.document(deep))


def test_signs_that_hide_or_turn_a_text_can_be_seen():
    assert "\\u202e" in said(showing.document({"a": "\u202etxt.exe"}))
    assert "\\u0000" in said(showing.document({"a\x00": "\x00\x1b"}))
    assert showing.visible("a\x9b\U000e0041") == "a\\u009b\\U000e0041"


def test_a_text_is_shown_around_the_byte_that_cannot_be_read():
    body = b'{"first_name": "Jane", "email": "jane@example.com", "x": nul}'

    pieces = showing.text(body, at=body.index(b"nul"))

    assert marked(pieces) == ["n"]
    assert "Jane" not in said(pieces)
    assert "jane@" not in said(pieces)
    assert "Jane" in said(showing.text(body, clear=True))
    for at in range(len(body)):
        assert "Jane" not in said(showing.text(body, at=at))
        assert "ane" not in said(showing.text(body, at=at)).replace("•", "")
    assert marked(showing.text(b"{", at=1)) == ["the end"]


def test_a_long_text_is_cut_around_its_fault():
    began = time.monotonic()
    pieces = showing.text(b"a" * 5_000_000, at=2_500_000)

    assert time.monotonic() - began < 1
    assert "2,496,000 bytes before this are not shown" in said(pieces)
    assert "2,496,000 more bytes are not shown" in said(pieces)


@given(st.binary(max_size=200), st.none() | st.integers(0, 300))
def test_any_bytes_can_be_shown(body, at):
    assert isinstance(said(showing.text(body, at=at)), str)


def test_a_value_fits_into_a_line():
    assert showing.value({"a": 1}, hide=False) == "1 field"
    assert showing.value("jane@example.com", hide=True) == "j•••@example.com"
    assert showing.value(12, hide=True) == "••"
    assert showing.value(None, hide=True) == "null"
    assert len(showing.value("x" * 5000, hide=False)) < 700


def test_whether_a_place_is_about_a_person_is_known_by_its_name():
    document = {"profile": {"email": "x"}, "properties": {"Items": [{"Name": "Shirt"}]}}

    assert showing.hides(document, ("profile", "email"))
    assert not showing.hides(document, ("properties", "Items", 0, "Name"))
    assert not showing.hides(document, ("x", "y"))
