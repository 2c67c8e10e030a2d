"""Lines of failed records, whoever wrote them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.domain import handed_in
from integrations.domain.handed_in import BadLine

SHOP = "alpine-demo.myshopify.com"
GOOD = {"topic": "orders/create", "body": {"id": 1}}


def read(line, *, most_bytes=1000):
    raw = line if isinstance(line, bytes | None) else json.dumps(line).encode()
    return handed_in.read(
        raw, shop=SHOP, knows=lambda topic: topic == "orders/create", most_bytes=most_bytes
    )


def refusal(line, **options):
    with pytest.raises(BadLine) as caught:
        read(line, **options)
    return caught.value.code


def test_a_kind_and_a_message_are_enough():
    found = read(GOOD)

    assert (found.topic, found.body) == ("orders/create", b'{"id": 1}')
    assert found.name.startswith("handed-in:")
    assert found.name == read(GOOD).name
    assert found.name != read(GOOD | {"body": {"id": 2}}).name


def test_what_else_is_known_is_kept_on_one_line():
    line = {"webhook_id": "w-1", "triggered_at": "2026-05-31T09:30:00Z", "error": "no\x00\nphone"}

    found = read(GOOD | line)

    assert (found.name, found.error) == ("w-1", "no phone")
    assert found.triggered_at.isoformat() == "2026-05-31T09:30:00+00:00"


def test_numbers_stay_as_they_were_written():
    body = b'{"id":1,"total_price":10.10,"big":123456789012345678901234567890}'

    assert read(b'{"topic":"orders/create","body":' + body + b"}").body == body


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (None, "long"),
        (b"{", "json"),
        (b"\xff\xfe", "json"),
        (b"[" * 100_000, "shape"),
        (b'{"topic":"orders/create","body":{"a":' + b"[" * 100_000, "json"),
        ([], "shape"),
        ({"body": {}}, "shape"),
        ({"topic": 5, "body": {}}, "shape"),
        (GOOD | {"body": [1]}, "shape"),
        (GOOD | {"body": None}, "empty"),
        (GOOD | {"body": {"base64": "%%%"}}, "shape"),
        (GOOD | {"masked": True}, "masked"),
        (GOOD | {"store": "other.myshopify.com"}, "shop"),
        (GOOD | {"topic": "customers/redact"}, "topic"),
        (GOOD | {"triggered_at": "yesterday"}, "time"),
        (GOOD | {"body": {"id": "x" * 2000}}, "size"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_cannot_be_taken_is_refused_by_name(line, code):
    assert refusal(line) == code


def test_a_message_that_is_no_json_comes_in_base64():
    assert read(GOOD | {"body": {"base64": "bm90IGpzb24="}}).body == b"not json"


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_line_does_anything_but_be_read_or_refused(raw):
    try:
        found = read(raw)
    except BadLine as exc:
        found = exc.sentence
    assert found


@given(
    st.lists(st.binary(max_size=30).map(lambda one: one.replace(b"\n", b" ")), max_size=20),
    st.integers(1, 40),
)
def test_lines_are_the_same_however_the_file_is_cut(parts, size):
    file = b"\n".join(parts)
    chunks = [file[start : start + size] for start in range(0, len(file), size)]

    found = list(handed_in.lines(chunks))

    assert found == list(handed_in.lines([file]))
    assert [number for number, _ in found] == [
        number
        for number, one in enumerate(parts, 1)
        if one.removeprefix(handed_in.BOM).strip() or (number > 1 and one.strip())
    ]


def test_a_line_that_is_too_long_is_named_and_the_next_is_read(monkeypatch):
    monkeypatch.setattr(handed_in, "LONGEST_LINE", 10)

    found = list(handed_in.lines([b"short\n", b"much too ", b"long for anybody\n", b"next"]))

    assert found == [(1, b"short"), (2, None), (3, b"next")]


def test_marks_and_line_ends_of_other_systems_do_not_matter():
    assert list(handed_in.lines([b"\xef\xbb\xbf{}\r\n\r\n{}\r\n"])) == [(1, b"{}"), (3, b"{}")]
