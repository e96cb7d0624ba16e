"""Symbol names of compiled functions that hold across processes, so that the compile cache is sound.

The compiler names a function by its qualified name and its argument types. A structured type enters
that name as a counter of the process that compiled it, and an array inside a structure without its
shape. With ``cache=True`` two processes that compile the same step for different state sizes (windows
of 20 and 50, say) may therefore store different machine code under one name; a third process that
loads both silently runs the wrong one. Naming both types by their content removes the ambiguity.
"""

from __future__ import annotations

import hashlib
from typing import Any

from numba.core.types import Array, NestedArray, Record


def _record_name(self: Any) -> tuple[str, tuple[str, ...]]:
    return "Record", (hashlib.sha256(self.name.encode()).hexdigest()[:24],)


def _nested_array_name(self: Any) -> tuple[str, list[Any]]:
    name, parts = vars(Array)["mangling_args"].fget(self)
    return name, [*parts, *self.shape]


def use_stable_symbol_names() -> None:
    """Name structured types by their content in every function compiled from now on.

    Idempotent; must run before the first compilation that involves a structured type. Changes no
    result and no speed, only the names under which compiled code is stored. O(1).

    Examples
    --------
    >>> use_stable_symbol_names()
    >>> vars(Record)["mangling_args"].fget is _record_name
    True

    References
    ----------
    numba issue 7654, "Record mangling_args should not use self._code".
    """
    for kind, name in ((Record, _record_name), (NestedArray, _nested_array_name)):
        type.__setattr__(kind, "mangling_args", property(name))
