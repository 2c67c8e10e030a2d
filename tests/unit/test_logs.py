"""Log lines: one a line whatever is in it, and nothing that lets anybody in."""

import json
import logging

import pytest

from integrations import correlation
from syncconsole.logs import JsonFormatter, TextFormatter

TOKEN = "t0ken" * 8


def record(message="event.settled", *arguments, exc_info=None, **extra):
    made = logging.LogRecord("console", logging.INFO, __file__, 1, message, arguments, exc_info)
    vars(made).update(extra)
    return made


def failure(text):
    with pytest.raises(ValueError) as told:  # noqa: PT011 - it is ours
        raise ValueError(text)
    return told.type, told.value, told.tb


@pytest.mark.parametrize("odd", ["two\nlines", 'quo"te', "\u2028 and \x00", "tab\t\r\n", "{}"])
def test_a_line_is_one_json_object_whatever_is_in_it(odd):
    text = JsonFormatter().format(record("said %s", odd, shop=odd, exc_info=failure(odd)))

    assert len(text.splitlines()) == 1
    line = json.loads(text)
    assert (line["message"], line["shop"]) == (f"said {odd}", odd)
    assert line["time"].endswith("+00:00")
    assert (line["level"], line["logger"]) == ("info", "console")
    assert line["exception"].startswith("Traceback")
    assert "request_id" not in line


def test_what_a_caller_adds_takes_no_fields_place():
    line = json.loads(JsonFormatter().format(record(level="fatal", time="never", error="boom")))

    assert line["level"] == "info"
    assert line["time"] != "never"
    assert line["error"] == "boom"


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_no_link_that_lets_its_reader_in_is_written(formatter):
    path = f"/invitations/{TOKEN}/"

    text = formatter.format(record("Not Found: %s", path, path=path, exc_info=failure(path)))

    assert TOKEN not in text
    assert "/invitations/***/" in text


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_the_row_a_database_refused_is_not_written(formatter):
    refused = "duplicate key\nDETAIL:  Key (email)=(anna@alpine.shop) exists.\nCONTEXT:  a copy"

    text = formatter.format(record(exc_info=failure(refused)))

    assert "anna@alpine.shop" not in text
    assert "duplicate key" in text
    assert "a copy" in text


def test_plain_lines_say_the_same_to_a_reader():
    text = TextFormatter().format(record("lane.adopted", lane=7, exc_info=failure("broke")))

    first, below = text.split("\n", 1)
    assert first.endswith("info console lane.adopted lane=7")
    assert below.endswith("ValueError: broke")


def test_lines_of_a_request_have_its_id():
    with correlation.of_request("from-the-proxy-1"):
        inside = json.loads(JsonFormatter().format(record()))
    outside = json.loads(JsonFormatter().format(record()))

    assert inside["request_id"] == "from-the-proxy-1"
    assert "request_id" not in outside


@pytest.mark.parametrize(
    "given", [None, "", "short", "x" * 101, "a b c d e", "line\nbreak", "é" * 9]
)
def test_an_id_that_is_not_one_is_replaced(given):
    with correlation.of_request(given) as known:
        assert known != given
        assert len(known) == 32
