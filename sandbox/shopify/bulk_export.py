"""Writing the file of a bulk operation: a line for each object of a connection.

Children are lines of their own with `__parentId`, behind their parents and not beside them, as
with `groupObjects: false`: here all children of a batch follow all its parents.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from graphql import (
    FieldNode,
    GraphQLError,
    execute_sync,
    parse,
    print_ast,
    value_from_ast_untyped,
)

from sandbox.shopify.bulk_rules import ROOTS
from sandbox.shopify.resolve_root import found_rows
from sandbox.shopify.resolving import Request, plain

# Objects asked for at a time; the shop is held for no longer than that.
BATCH = 200


@dataclass
class Export:
    """How far a file is."""

    roots: int = 0
    objects: int = 0
    error: str = ""
    stop: threading.Event = field(default_factory=threading.Event)

    def halve(self, file: Path) -> None:
        """Leave half of a file, as of a run that broke down."""
        lines = file.read_bytes().splitlines(keepends=True)
        kept = lines[: max(1, len(lines) // 2)]
        file.write_bytes(b"".join(kept))
        self.objects = len(kept)
        self.roots = sum(b'"__parentId"' not in line for line in kept)


def export(store: Any, schema: Any, root: FieldNode, file: Path, told: Export) -> None:
    """Write the file, a batch of objects at a time."""
    with file.open("wb") as out:
        try:
            for nodes in _batches(store, schema, root, told.stop):
                _write(out, nodes, told)
        except GraphQLError as exc:
            code = (exc.extensions or {}).get("code")
            told.error = "ACCESS_DENIED" if code == "ACCESS_DENIED" else "INTERNAL_SERVER_ERROR"


def _batches(
    store: Any, schema: Any, root: FieldNode, stop: threading.Event
) -> Iterator[list[dict[str, Any]]]:
    kind, query = ROOTS[root.name.value], _by_id(root)
    document = parse(query)
    with store.memory.lock:
        rows = found_rows(store, root.name.value, _arguments(root))
    for start in range(0, len(rows), BATCH):
        if stop.is_set():
            return
        ids = [f"gid://shopify/{kind}/{row.id}" for row in rows[start : start + BATCH]]
        with store.memory.lock:
            result = execute_sync(
                schema,
                document,
                context_value=Request(store, whole=True),
                variable_values={"ids": ids},
                field_resolver=plain,
            )
        if result.errors:
            raise result.errors[0]
        yield [one for one in (result.data or {})["nodes"] if one is not None]


def _by_id(root: FieldNode) -> str:
    """Ask for the same fields of the same objects, by their ids."""
    node = _inside(_inside(root, "edges"), "node")
    chosen = print_ast(node.selection_set) if node.selection_set else "{ id }"
    kind = ROOTS[root.name.value]
    return f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on {kind} {chosen} }} }}"


def _inside(node: FieldNode, name: str) -> FieldNode:
    selections = node.selection_set.selections if node.selection_set else ()
    return next(one for one in selections if isinstance(one, FieldNode) and one.name.value == name)


def _arguments(root: FieldNode) -> dict[str, Any]:
    return {one.name.value: value_from_ast_untyped(one.value) for one in root.arguments or ()}


def _write(out: BinaryIO, nodes: list[dict[str, Any]], told: Export) -> None:
    level: list[tuple[dict[str, Any], str]] = [(node, "") for node in nodes]
    told.roots += len(nodes)
    while level:
        following: list[tuple[dict[str, Any], str]] = []
        for node, parent in level:
            kept, children = _split(node)
            own = {**kept, "__parentId": parent} if parent else kept
            out.write(msgspec.json.encode(own) + b"\n")
            told.objects += 1
            following += [(child, kept["id"]) for child in children]
        level = following


def _split(node: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Take the connections out of an object: what is in them becomes lines."""
    kept: dict[str, Any] = {}
    children: list[dict[str, Any]] = []
    for name, value in node.items():
        if isinstance(value, dict) and "edges" in value:
            children += [edge["node"] for edge in value["edges"]]
        else:
            kept[name] = value
    return kept, children
