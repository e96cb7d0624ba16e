"""Which library the operators compute with: numpy, torch, or a trace that becomes a compiled program."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np


def namespace(*values: Any) -> Any:
    """The array library of ``values``: the first that is not numpy or a plain number decides.

    An operator is written once over the functions that numpy and torch share (``minimum``, ``maximum``,
    ``where``, ``clip``, ``sqrt``, ``exp``, ``tanh``, ``abs``, ``zeros_like``, ``ones_like``); an object that
    carries its own library names it as ``logic_namespace``. torch is never imported here: a tensor brings it along.

    >>> namespace(1.0, np.ones(2)).__name__
    'numpy'
    """
    for value in values:
        own = getattr(value, "logic_namespace", None)
        if own is not None:
            return own
        if type(value).__module__.partition(".")[0] == "torch" or hasattr(value, "__torch_function__"):
            return sys.modules["torch"]
    return np


def real(value: Any) -> Any:
    """A plain number or sequence as a float64 array; anything that has a library of its own as it is."""
    if isinstance(value, np.ndarray):
        return value if value.dtype.kind == "f" else value.astype(np.float64)
    return np.asarray(value, dtype=np.float64) if namespace(value) is np else value
