"""What a query costs before it runs, by Shopify's formula."""

import math
from collections.abc import Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_composite_type,
)

MUTATION = 10
MAX_COST = 1000
FREE = frozenset({"pageInfo", "billingAddress", "unitCost"})


def requested_cost(
    schema: GraphQLSchema, document: DocumentNode, name: str | None, variables: Mapping[str, Any]
) -> int:
    """Add up an operation: objects 1, connections by the logarithm of their size."""
    fragments, operation = {}, None
    for definition in document.definitions:
        if isinstance(definition, FragmentDefinitionNode):
            fragments[definition.name.value] = definition
        elif isinstance(definition, OperationDefinitionNode):
            own = definition.name.value if definition.name else None
            operation = definition if name in (None, own) else operation
    if operation is None:
        return 0
    if operation.operation.value == "mutation":
        return MUTATION * len(operation.selection_set.selections)
    return _Cost(schema, fragments, variables).of(operation.selection_set, schema.query_type)


class _Cost:
    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: Mapping[str, Any],
    ) -> None:
        self._schema, self._fragments, self._variables = schema, fragments, variables

    def of(self, selections: SelectionSetNode | None, parent: Any) -> int:
        """Cost of a selection: its fields, and the dearest of its branches."""
        total, branches = 0, [0]
        for node in selections.selections if selections else ():
            if isinstance(node, FieldNode):
                total += self._field(node, parent)
            elif isinstance(node, InlineFragmentNode):
                on = node.type_condition
                inner = self._schema.get_type(on.name.value) if on else parent
                branches.append(self.of(node.selection_set, inner))
            elif isinstance(node, FragmentSpreadNode):
                fragment = self._fragments[node.name.value]
                inner = self._schema.get_type(fragment.type_condition.name.value)
                branches.append(self.of(fragment.selection_set, inner))
        return total + max(branches)

    def _field(self, node: FieldNode, parent: Any) -> int:
        field = getattr(parent, "fields", {}).get(node.name.value)
        if field is None or node.name.value in FREE:
            return 0
        inner = get_named_type(field.type)
        if not is_composite_type(inner):
            return 0
        children = self.of(node.selection_set, inner)
        if inner.name.endswith("Connection"):
            return self._connection(node, children)
        if inner.name.endswith("Edge"):
            return children
        return 1 + children

    def _connection(self, node: FieldNode, children: int) -> int:
        size = max(2, self._size(node))
        return 2 + math.floor(2 * math.log(size)) * children

    def _size(self, node: FieldNode) -> int:
        for argument in node.arguments or ():
            if argument.name.value in ("first", "last"):
                value = argument.value
                if value.kind == "variable":
                    found = self._variables.get(value.name.value)  # type: ignore[attr-defined]
                else:
                    found = getattr(value, "value", None)
                return int(found) if found is not None else 0
        return 0


def actual_cost(data: Any) -> int:
    """Count the objects an answer really holds."""
    if isinstance(data, dict):
        inner = sum(actual_cost(value) for key, value in data.items() if key not in FREE)
        return inner + (0 if {"nodes", "edges"} & data.keys() else 1)
    if isinstance(data, list):
        return sum(actual_cost(value) for value in data)
    return 0
