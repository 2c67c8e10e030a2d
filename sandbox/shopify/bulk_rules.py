"""What a query must look like to be run in bulk, as Shopify lists it.

Source: shopify.dev, API usage, bulk operations, "Operation restrictions". The words of the
complaints are ours.
"""

from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    get_nullable_type,
    is_interface_type,
    is_list_type,
    is_object_type,
    parse,
    validate,
)

MOST_CONNECTIONS = 5
DEEPEST = 2
# What the stand-in can run; the real one runs any connection.
ROOTS = {
    "orders": "Order",
    "customers": "Customer",
    "products": "Product",
    "abandonedCheckouts": "AbandonedCheckout",
}


class Refused(Exception):
    """The query cannot be run in bulk; the message says why."""


def check(schema: GraphQLSchema, query: str) -> FieldNode:
    """Return the one root field of a query that may be run in bulk. Raises Refused."""
    try:
        document = parse(query)
    except GraphQLError as exc:
        raise Refused(f"Invalid bulk query: {exc.message}") from None
    root = _root(document)
    if faults := validate(schema, document):
        raise Refused(f"Invalid bulk query: {faults[0].message}")
    walk = _Walk(schema)
    walk.fields(document.definitions[0].selection_set, schema.query_type, 0, in_list=False)  # type: ignore[attr-defined]
    if not walk.connections:
        raise Refused("Bulk queries must contain at least one connection.")
    if walk.connections > MOST_CONNECTIONS:
        raise Refused(f"Bulk queries cannot contain more than {MOST_CONNECTIONS} connections.")
    if root.name.value not in ROOTS:
        raise Refused(f"The stand-in runs no bulk query over {root.name.value}.")
    return root


def _root(document: DocumentNode) -> FieldNode:
    if len(document.definitions) != 1 or not isinstance(
        operation := document.definitions[0], OperationDefinitionNode
    ):
        raise Refused("Bulk queries must be one operation without fragments.")
    if operation.operation.value != "query" or operation.variable_definitions:
        raise Refused("Bulk queries must be queries without variables.")
    fields = operation.selection_set.selections
    if len(fields) != 1 or not isinstance(fields[0], FieldNode):
        raise Refused("Bulk queries can only have one top-level field.")
    if fields[0].name.value in ("node", "nodes"):
        raise Refused("Bulk queries cannot have node or nodes at the top.")
    return fields[0]


class _Walk:
    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self.connections = 0

    def fields(
        self, selections: SelectionSetNode | None, parent: Any, depth: int, *, in_list: bool
    ) -> None:
        for node in selections.selections if selections else ():
            if isinstance(node, FragmentSpreadNode):
                raise Refused("Bulk queries must be one operation without fragments.")
            if isinstance(node, InlineFragmentNode):
                on = node.type_condition
                inner = self._schema.get_type(on.name.value) if on else parent
                self.fields(node.selection_set, inner, depth, in_list=in_list)
            elif isinstance(node, FieldNode) and node.name.value in parent.fields:
                self._field(node, parent, depth, in_list=in_list)

    def _field(self, node: FieldNode, parent: Any, depth: int, *, in_list: bool) -> None:
        kind = parent.fields[node.name.value].type
        inner = get_named_type(kind)
        if not (is_object_type(inner) or is_interface_type(inner)):
            return
        if not inner.name.endswith("Connection"):
            listed = in_list or is_list_type(get_nullable_type(kind))
            self.fields(node.selection_set, inner, depth, in_list=listed)
            return
        if in_list:
            raise Refused("Queries that contain a connection field within a list field are not supported.")  # fmt: skip # noqa: E501
        self.connections += 1
        if depth + 1 > DEEPEST + 1:
            raise Refused(f"Bulk queries cannot nest connections deeper than {DEEPEST} levels.")
        self._connection(node, inner, depth)

    def _connection(self, node: FieldNode, connection: Any, depth: int) -> None:
        chosen = {one.name.value: one for one in _fields_of(node)}
        if "nodes" in chosen or "edges" not in chosen:
            raise Refused("Bulk queries must use edges and node.")
        inside = {one.name.value: one for one in _fields_of(chosen["edges"])}
        if "node" not in inside:
            raise Refused("Bulk queries must use edges and node.")
        kind = get_named_type(get_named_type(connection.fields["edges"].type).fields["node"].type)
        if not any(one.name == "Node" for one in getattr(kind, "interfaces", ())):
            raise Refused(f"All connection fields in a bulk query must be of Node: {kind.name}.")
        before = self.connections
        self.fields(inside["node"].selection_set, kind, depth + 1, in_list=False)
        if self.connections > before and not _has_id(inside["node"]):
            raise Refused("The parent of a nested connection must select its id.")


def _fields_of(node: FieldNode) -> list[FieldNode]:
    selections = node.selection_set.selections if node.selection_set else ()
    return [one for one in selections if isinstance(one, FieldNode)]


def _has_id(node: FieldNode) -> bool:
    return any(one.name.value == "id" and one.alias is None for one in _fields_of(node))
