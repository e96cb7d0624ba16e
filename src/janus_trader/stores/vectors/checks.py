"""What every vector store asks of its input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.vector_search import unit_rows


def checked_batch(
    size: int, keys: Sequence[int], vectors: np.ndarray, payloads: Sequence[dict[str, Any]]
) -> tuple[list[int], np.ndarray]:
    """Keys as plain integers and vectors (m, size) at unit norm.

    Raises
    ------
    DataError
        Lengths differ, a key is negative or comes twice, a vector has another size, no direction or is
        not finite.
    """
    plain = [int(key) for key in keys]
    rows = np.asarray(vectors, dtype=np.float64)
    if not plain and rows.size == 0 and not len(payloads):
        return [], np.empty((0, size))
    if rows.shape != (len(plain), size) or len(payloads) != len(plain):
        raise DataError(
            "vectors, keys and payloads do not fit",
            got=f"{len(plain)} keys, vectors {rows.shape}, {len(payloads)} payloads",
            expected=f"m keys, vectors (m, {size}), m payloads",
        )
    if any(key < 0 for key in plain) or len(set(plain)) != len(plain):
        raise DataError("keys are not usable", got=plain[:8], expected="distinct integers >= 0")
    return plain, unit_rows(rows)


def checked_query(size: int, vector: np.ndarray, k: int) -> np.ndarray:
    """The query (size,) at unit norm. Raises DataError for another size, k < 1 or a vector without direction."""
    query = np.asarray(vector, dtype=np.float64)
    if query.shape != (size,) or k < 1:
        raise DataError(
            "query is not usable", got=f"vector {query.shape}, k={k}", expected=f"({size},), k >= 1"
        )
    return unit_rows(query)


def checked_filters(filters: dict[str, Any] | None) -> dict[str, Any]:
    """Filters as given. Raises DataError for a value that is neither text, integer nor bool."""
    chosen = dict(filters or {})
    for name, value in chosen.items():
        if not isinstance(value, (str, int, bool)):
            raise DataError(
                f"cannot filter by {name!r}",
                got=repr(value),
                expected="text, an integer or a bool",
                remedy="store a class of the number in the payload and filter by that",
            )
    return chosen


def matches(payload: dict[str, Any], filters: dict[str, Any]) -> bool:
    """Whether a payload has all these values; a list has a value that is among its items.

    >>> matches({"regime": "BULL", "tags": ["a", "b"]}, {"regime": "BULL", "tags": "b"})
    True
    """
    for name, value in filters.items():
        if name not in payload:
            return False
        held = payload[name]
        items = held if isinstance(held, (list, tuple)) else [held]
        if not any(type(item) is type(value) and item == value for item in items):
            return False
    return True
