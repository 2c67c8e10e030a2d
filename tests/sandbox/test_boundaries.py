"""The stand-ins stand alone."""

import ast
from pathlib import Path

import sandbox

FORBIDDEN = {"integrations", "syncconsole", "django"}


def test_the_sandbox_imports_nothing_of_the_console():
    for file in Path(sandbox.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not {name.partition(".")[0] for name in names} & FORBIDDEN, file.name
