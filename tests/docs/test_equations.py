"""Every numbered equation of the specification has a symbol and a test, or a page that says why not."""

import ast
import functools
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "equations.md"
NUMBERED = range(1, 65)

ROW = re.compile(r"^\|\s*(\d+)\s*\|([^|]*)\|([^|]*)\|([^|]*)\|(.*)\|\s*$", re.MULTILINE)


def rows():
    """Number → (what, symbols, tests, note)."""
    found = {}
    for number, what, symbols, tests, note in ROW.findall(PAGE.read_text()):
        assert int(number) not in found, f"equation {number} stands twice"
        found[int(number)] = (what.strip(), names(symbols), names(tests), note.strip())
    return found


def names(cell):
    return re.findall(r"`([^`]+)`", cell)


@functools.cache
def functions_of(path):
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_no_equation_is_missing():
    assert sorted(rows()) == list(NUMBERED)


@pytest.mark.parametrize("number", NUMBERED)
def test_an_equation_has_a_symbol_and_a_test_or_a_reason(number):
    what, symbols, tests, note = rows()[number]
    assert what
    if not symbols:
        targets = re.findall(r"\]\(([^)#\s]+)", note)
        assert targets, "no symbol, and no page that says why"
        assert all((PAGE.parent / target).exists() for target in targets)
        return
    for symbol in symbols:
        module, _, path = symbol.partition(":")
        found = importlib.import_module(f"janus_trader.{module}")
        for part in path.split("."):
            found = getattr(found, part)
    assert tests, "a symbol without a test"
    for test in tests:
        file, _, name = test.partition("::")
        assert name in functions_of(file), f"{file} has no {name}"
