"""Canonical bytes: the one encoding that hashes, journals and snapshots share.

MessagePack with sorted keys and explicit type tags; numpy arrays travel as
``{"__nd__": [dtype, shape, bytes]}``. NaN and infinities are refused unless ``allow_nan`` (snapshots
of kernels may hold NaN, messages never do).
"""

from __future__ import annotations

import math
import re
from typing import Any, TypeVar

import msgspec
import numpy as np

from janus_trader.contracts.errors import DataError, IntegrityError

T = TypeVar("T")
_ND = "__nd__"
#: A float64 with all exponent bits set (NaN or infinity) begins like this; other bytes may as well.
_SUSPECT = re.compile(rb"\xcb[\x7f\xff][\xf0-\xff]")


def _descr(dtype: np.dtype) -> Any:
    return dtype.str if dtype.fields is None else repr(np.lib.format.dtype_to_descr(dtype))


def _dtype(text: str) -> np.dtype:
    if text.startswith(("[", "{", "(")):
        import ast

        return np.lib.format.descr_to_dtype(ast.literal_eval(text))
    return np.dtype(text)


def _all_finite(array: np.ndarray) -> bool:
    if array.dtype.fields is not None:
        return all(_all_finite(array[name]) for name in array.dtype.fields)
    # the reduction itself: the method of an array goes a longer way to it
    return array.dtype.kind != "f" or bool(np.logical_and.reduce(np.isfinite(array), axis=None))


def _hook(allow_nan: bool) -> Any:
    def enc_hook(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            array = np.ascontiguousarray(value)
            if not allow_nan and not _all_finite(array):
                raise DataError("NaN or infinity in a message", got=array, expected="finite numbers")
            return {_ND: [_descr(array.dtype), list(value.shape), array.tobytes()]}
        if isinstance(value, np.generic):
            return value.item()
        raise NotImplementedError(f"cannot encode {type(value)!r}")

    return enc_hook


_STRICT = msgspec.msgpack.Encoder(enc_hook=_hook(False), order="deterministic")
_LOOSE = msgspec.msgpack.Encoder(enc_hook=_hook(True), order="deterministic")


def encode(value: Any) -> bytes:
    """Canonical bytes of a message. Same value, same bytes.

    >>> encode({"b": 1, "a": np.arange(2)}) == encode({"a": np.arange(2), "b": 1})
    True
    """
    raw = _STRICT.encode(value)
    if _SUSPECT.search(raw) is not None and _has_nan(msgspec.msgpack.decode(raw)):
        raise DataError("NaN or infinity in a message", expected="finite numbers, or an absent value")
    return raw


def _has_nan(value: Any) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, dict):
        return any(_has_nan(v) for v in value.values())
    return isinstance(value, list) and any(_has_nan(v) for v in value)


def _from_nd(value: Any) -> np.ndarray:
    dtype, shape, raw = value[_ND]
    return np.frombuffer(raw, _dtype(dtype)).reshape(shape).copy()


def _dec_hook(kind: type, value: Any) -> Any:
    if kind is np.ndarray:
        return _from_nd(value)
    raise NotImplementedError(f"cannot decode {kind!r}")


def decode(raw: bytes, kind: type[T]) -> T:
    """Inverse of `encode` for a message type.

    Raises
    ------
    IntegrityError
        The bytes are not an encoded ``kind``.
    """
    try:
        return msgspec.msgpack.decode(raw, type=kind, dec_hook=_dec_hook)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise IntegrityError(f"cannot decode a {kind.__name__}", got=str(error)) from error


def pack(state: Any) -> bytes:
    """Bytes of a plain state tree (dicts, lists, numbers, text, bytes, arrays). NaN is allowed.

    >>> unpack(pack({"x": np.array([1.0, float("nan")])}))["x"].shape
    (2,)
    """
    return _LOOSE.encode(state)


def unpack(raw: bytes) -> Any:
    """Inverse of `pack`; arrays come back as arrays, tuples as lists."""
    try:
        return _restore(msgspec.msgpack.decode(raw))
    except msgspec.DecodeError as error:
        raise IntegrityError("cannot decode a snapshot", got=str(error)) from error


def _restore(value: Any) -> Any:
    if isinstance(value, dict):
        if _ND in value and len(value) == 1:
            return _from_nd(value)
        return {k: _restore(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_restore(v) for v in value]
    return value
