"""A document as lines of text, quickly and safely: cut with a note, signs that hide made visible.

Whatever a shop sends is shown; none of it is trusted. Lines hold plain text, and whoever writes
them into a page escapes them.
"""

import json
import unicodedata
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec

from .masking import DOT, hidden, is_personal, mask_fragment, mask_text
from .pointers import Path, Place

# Enough to find a fault in, and little enough for any browser.
MOST_LINES, MOST_ENTRIES, LONGEST_TEXT, DEEPEST = 1000, 100, 600, 30
# So much of a text that cannot be read as a document is shown around its fault.
WINDOW = 4000
# Stands for the place of the fault while a text is masked; from Unicode's private use.
_HERE = "\ue000"


class Piece(msgspec.Struct, frozen=True):
    """Some text; `marked` where it is the place of the error, `note` where it is ours."""

    text: str
    marked: bool = False
    note: bool = False


def document(found: Any, *, mark: Place | None = None, clear: bool = False) -> list[Piece]:
    """A document line by line, the place of the error marked; personal data hidden unless clear."""
    writer = _Writer(mark, clear)
    writer.write(found, (), "", "", hide=False)
    return writer.pieces


def text(body: bytes, *, at: int | None = None, clear: bool = False) -> list[Piece]:
    """What cannot be read as a document: the text around byte `at`, or its beginning."""
    middle = min(at or 0, len(body))
    start, end = max(0, middle - WINDOW), middle + WINDOW
    before = body[start:middle].decode("utf-8", errors="replace").replace(_HERE, "\ufffd")
    after = body[middle:end].decode("utf-8", errors="replace").replace(_HERE, "\ufffd")
    whole = before + (_HERE if at is not None else "") + after
    shown = whole if clear else mask_fragment(whole)
    left, here, right = shown.partition(_HERE)
    pieces = [Piece(f"… {start:,} bytes before this are not shown\n", note=True)] if start else []
    pieces.append(Piece(visible(left)))
    if here:
        # What stands there, or that nothing does any more.
        pieces.append(Piece(visible(right[:1]).replace("\n", "⏎\n") or "the end", marked=True))
        pieces.append(Piece(visible(right[1:])))
    if end < len(body):
        pieces.append(Piece(f"\n… {len(body) - end:,} more bytes are not shown", note=True))
    return [one for one in pieces if one.text]


def value(found: Any, *, hide: bool) -> str:
    """One value in a line, for a table; personal data hidden where `hide` says so."""
    if isinstance(found, dict | list):
        one, several = ("field", "fields") if isinstance(found, dict) else ("entry", "entries")
        return f"{len(found):,} {one if len(found) == 1 else several}"
    if isinstance(found, str):
        short = found[: LONGEST_TEXT * 2]
        return visible(_cut(hidden(short) if hide else short))
    return _scalar(hidden(found) if hide else found)


def hides(whole: Any, path: Path) -> bool:
    """Whether what stands at a path of a document is about a person."""
    hide = False
    for part in path:
        if isinstance(whole, dict):
            hide = is_personal(str(part), whole)
            whole = whole.get(part)
        elif isinstance(whole, list) and isinstance(part, int) and part < len(whole):
            whole = whole[part]
        else:
            return hide
    return hide


def visible(shown: str) -> str:
    """A text whose control signs, and those that turn or hide what follows, can be seen."""
    if shown.isprintable():
        return shown
    return "".join(_seen(sign) for sign in shown)


def _seen(sign: str) -> str:
    if sign in "\n\t" or unicodedata.category(sign) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}:
        return sign
    number = ord(sign)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


class _Writer:
    """Writes a document down until enough is written; what leads to the mark is always written."""

    def __init__(self, mark: Place | None, clear: bool) -> None:
        self.mark = mark.path if mark else None
        self.missing = mark is not None and not mark.found
        self.clear = clear
        self.pieces: list[Piece] = []

    def write(self, found: Any, path: Path, start: str, end: str, *, hide: bool) -> None:
        is_here = path == self.mark and not self.missing
        indent = "  " * len(path)
        if not isinstance(found, dict | list) or not found:
            self._add(f"{indent}{start}{self._said(found, hide)}{end}", marked=is_here)
            return
        opening, closing = "{}" if isinstance(found, dict) else "[]"
        if len(path) >= DEEPEST:
            self._add(f"{indent}{start}{opening} … {closing}{end}", marked=is_here)
            self._note(indent, "what lies deeper is not shown")
            return
        self._add(f"{indent}{start}{opening}", marked=is_here)
        self._inside(found, path, hide)
        if self.missing and self.mark and path == self.mark[:-1]:
            self._add(f"{indent}  {self._key(self.mark[-1])} nothing stands here", marked=True)
        self._add(f"{indent}{closing}{end}")

    def _inside(self, found: dict[str, Any] | list[Any], path: Path, hide: bool) -> None:
        left_out = 0
        entries: Iterable[tuple[Any, Any]] = (
            found.items() if isinstance(found, dict) else enumerate(found)
        )
        for number, (key, inner) in enumerate(entries):
            here = (*path, key)
            on_way = self.mark is not None and self.mark[: len(here)] == here
            if not on_way and (number >= MOST_ENTRIES or len(self.pieces) >= MOST_LINES):
                left_out += 1
                continue
            name, secret = "", hide
            if isinstance(found, dict):
                name = f"{self._key(key)} "
                secret = is_personal(key, found)
            comma = "," if number < len(found) - 1 else ""
            self.write(inner, here, name, comma, hide=secret and not self.clear)
        if left_out:
            self._note("  " * (len(path) + 1), f"{left_out:,} more are not shown")

    def _key(self, key: str | int) -> str:
        return visible(json.dumps(_cut(str(key)), ensure_ascii=False)) + ":"

    def _said(self, found: Any, hide: bool) -> str:
        if isinstance(found, str):
            # Cut before it is masked, so that no text is too long to look at; and once more
            # after it, so that nothing is shown that the first cut made unrecognisable.
            short = found[: LONGEST_TEXT * 2]
            if not self.clear:
                short = hidden(short) if hide else mask_text(short)
            more = len(found) - LONGEST_TEXT
            said = visible(json.dumps(short[:LONGEST_TEXT], ensure_ascii=False))
            return f"{said} … {more:,} more signs" if more > 0 else said
        return _scalar(hidden(found) if hide else found)

    def _add(self, line: str, *, marked: bool = False) -> None:
        self.pieces.append(Piece(f"{line}\n", marked))

    def _note(self, indent: str, words: str) -> None:
        self.pieces.append(Piece(f"{indent}… {words}\n", note=True))


def _scalar(found: Any) -> str:
    if isinstance(found, Decimal):
        return str(found)[:LONGEST_TEXT]
    if isinstance(found, str):  # a number that was hidden
        return found if set(found) <= {DOT} else json.dumps(found, ensure_ascii=False)
    return json.dumps(found)[:LONGEST_TEXT] if found is not None else "null"


def _cut(long: str) -> str:
    return long if len(long) <= LONGEST_TEXT else long[:LONGEST_TEXT] + "…"
