"""Constraints on parameters such as ``fast < slow and 2*fast <= 60``, read without ``eval``."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from janus_trader.contracts.errors import ConfigError

_COMPARE: dict[type, Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_ARITHMETIC: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
}


#: Letters of a constraint that a message repeats.
ECHOED = 200


def shortened(text: str) -> str:
    """At most `ECHOED` letters of a text.

    >>> len(shortened("a" * 5000))
    200
    """
    return text if len(text) <= ECHOED else text[: ECHOED - 1] + "…"


class Constraint:
    """A condition on named parameters, evaluated on whole columns at once.

    Comparisons (also chained), ``and``, ``or``, ``not``, ``+ - * / %``, numbers and parameters; nothing
    else, so that a constraint can do nothing but compare numbers. Cost O(rows) a call.

    Raises
    ------
    ConfigError
        The text is not such a condition, or names a parameter that is not swept.

    Examples
    --------
    >>> Constraint("2*a < b", ("a", "b"))({"a": np.array([1, 2, 3]), "b": np.array([3, 4, 9])}).tolist()
    [True, False, True]
    """

    def __init__(self, text: str, names: tuple[str, ...]) -> None:
        self.text, self._names = text.strip(), names
        try:
            self._tree = ast.parse(self.text, mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            raise self._refused(text, "not an expression") from error
        negated = isinstance(self._tree, ast.UnaryOp) and isinstance(self._tree.op, ast.Not)
        if not negated and not isinstance(self._tree, (ast.Compare, ast.BoolOp)):
            raise self._refused(text, "not a comparison")
        self({name: np.ones(1) for name in names})  # words and numbers it does not know are told now

    def __call__(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Which rows satisfy it, (rows,) bool."""
        try:
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                return np.asarray(self._value(self._tree, columns), dtype=np.bool_)
        except OverflowError as error:
            raise self._refused(self.text, "beyond the range of numbers") from error
        except (TypeError, ValueError) as error:
            raise self._refused(self.text, "not a condition on numbers") from error
        except RecursionError as error:
            raise self._refused(self.text, "nested too deeply") from error

    def _value(self, node: ast.expr, columns: Mapping[str, np.ndarray]) -> Any:
        if isinstance(node, ast.Name):
            if node.id not in self._names:
                raise self._refused(node.id, "not a parameter of this sweep")
            return columns[node.id]
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
        if isinstance(node, ast.BoolOp):
            parts = [np.asarray(self._value(v, columns), dtype=np.bool_) for v in node.values]
            return (
                np.logical_and.reduce(parts) if isinstance(node.op, ast.And) else np.logical_or.reduce(parts)
            )
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return ~np.asarray(self._value(node.operand, columns), dtype=np.bool_)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -self._value(node.operand, columns)
        if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
            left, right = self._value(node.left, columns), self._value(node.right, columns)
            return _ARITHMETIC[type(node.op)](np.asarray(left, dtype=np.float64), right)
        if isinstance(node, ast.Compare) and all(type(op) in _COMPARE for op in node.ops):
            sides = [self._value(side, columns) for side in (node.left, *node.comparators)]
            pairs = zip(node.ops, sides[:-1], sides[1:], strict=True)
            return np.logical_and.reduce([_COMPARE[type(op)](a, b) for op, a, b in pairs])
        raise self._refused(ast.unparse(node), "not allowed in a constraint")

    def _refused(self, part: str, why: str) -> ConfigError:
        return ConfigError(
            f"--where {shortened(self.text)!r}: {shortened(part)!r} is {why}",
            got=shortened(part),
            expected=f"a comparison of {', '.join(self._names) or 'parameters'} and numbers",
            remedy='for example --where "fast < slow"',
        )
