"""Cutting a list into requests, by count and by bytes."""

from collections.abc import Iterator
from typing import TypeVar

T = TypeVar("T")


def split(
    items: list[tuple[T, bytes]], *, most: int, most_bytes: int
) -> Iterator[list[tuple[T, bytes]]]:
    """Yield the items in order, each piece within both limits; a lone item may exceed the bytes."""
    piece: list[tuple[T, bytes]] = []
    size = 0
    for item in items:
        length = len(item[1]) + 1
        if piece and (len(piece) >= most or size + length > most_bytes):
            yield piece
            piece, size = [], 0
        piece.append(item)
        size += length
    if piece:
        yield piece
