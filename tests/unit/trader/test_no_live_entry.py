"""There is no way to trade live: no live node, no live client, no command for it."""

from __future__ import annotations

import ast
from pathlib import Path

import janus_trader

SOURCE = Path(janus_trader.__file__).parent
FORBIDDEN_MODULES = ("nautilus_trader.live", "nautilus_trader.adapters", "ccxt")
FORBIDDEN_NAMES = {"TradingNode", "TradingNodeConfig", "LiveExecutionClient", "LiveExecClientFactory"}


def imports(path):
    """Every module and name imported anywhere in a file, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, ""
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield f"{node.module}.{alias.name}", alias.name


def test_no_module_imports_a_live_node_or_client():
    found = [
        (path.relative_to(SOURCE).as_posix(), module)
        for path in sorted(SOURCE.rglob("*.py"))
        for module, name in imports(path)
        if module.startswith(FORBIDDEN_MODULES) or name in FORBIDDEN_NAMES
    ]
    assert found == []


def test_only_the_trader_imports_the_engine():
    users = {
        path.relative_to(SOURCE).parts[0]
        for path in SOURCE.rglob("*.py")
        for module, _ in imports(path)
        if module.split(".")[0] == "nautilus_trader"
    }
    assert users == {"trader"}


def test_no_command_is_called_live():
    commands = [
        (path.name, node.name)
        for path in (SOURCE / "cli").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and "live" in node.name.split("_")
    ]
    assert commands == []


def test_importing_the_trader_package_does_not_load_the_engine():
    import subprocess
    import sys

    code = (
        "import sys, janus_trader.trader.backtest, janus_trader.trader.gateway;"
        "sys.exit(any(m.split('.')[0] == 'nautilus_trader' for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
