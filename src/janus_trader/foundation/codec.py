"""Canonical bytes: the one encoding that hashes, journals and snapshots share.

MessagePack with sorted keys and explicit type tags; numpy arrays travel as
``{"__nd__": [dtype, shape, bytes]}``. NaN and infinities are refused unless ``allow_nan`` (snapshots
of kernels may hold NaN, messages never do).
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from functools import lru_cache, partial
from typing import Any, TypeVar

import msgspec
import numpy as np

from janus_trader.contracts.errors import DataError, IntegrityError

T = TypeVar("T")
_ND = "__nd__"
#: A float64 with all exponent bits set (NaN or infinity) begins like this; other bytes may as well.
_SUSPECT = re.compile(rb"\xcb[\x7f\xff][\xf0-\xff]")


#: Arrays of more bytes than this are handed over as they lie in memory, without a copy.
_LARGE = 4096


@lru_cache(maxsize=256)
def _known(dtype: np.dtype) -> tuple[str, str]:
    """How a dtype is written, and its kind."""
    plain = dtype.fields is None
    return dtype.str if plain else repr(np.lib.format.dtype_to_descr(dtype)), dtype.kind


@lru_cache(maxsize=256)
def _dtype(text: str) -> np.dtype:
    if text.startswith(("[", "{", "(")):
        import ast

        return np.lib.format.descr_to_dtype(ast.literal_eval(text))
    return np.dtype(text)


class _Array(msgspec.Struct, rename={"content": _ND}):
    """What an array travels as."""

    content: tuple[str, tuple[int, ...], Any]


def _require_finite(array: np.ndarray) -> None:
    if array.dtype.fields is not None:
        for name in array.dtype.fields:
            _require_finite(array[name])
    elif array.dtype.kind == "f" and not np.isfinite(array).all():
        raise DataError("NaN or infinity in a message", got=array, expected="finite numbers")


def _message_array(floats: defaultdict[np.dtype, list[bytes]], value: Any) -> Any:
    """An array of a message; whether its numbers are finite is asked once for all of them."""
    if isinstance(value, np.ndarray):
        dtype, raw = value.dtype, value.tobytes()
        text, kind = _known(dtype)
        if kind == "f":
            floats[dtype].append(raw)
        elif kind == "V":
            _require_finite(value)
        return _Array((text, value.shape, raw))
    return _scalar(value)


def _state_array(value: Any) -> Any:
    """An array of a state: it may hold NaN, and a large one is not copied on the way."""
    if isinstance(value, np.ndarray):
        lies = value.nbytes > _LARGE and value.flags.c_contiguous
        raw = value.reshape(-1).view(np.uint8).data if lies else value.tobytes()
        return _Array((_known(value.dtype)[0], value.shape, raw))
    return _scalar(value)


def _scalar(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(f"cannot encode {type(value)!r}")


_LOOSE = msgspec.msgpack.Encoder(enc_hook=_state_array, order="deterministic")


def encode(value: Any) -> bytes:
    """Canonical bytes of a message. Same value, same bytes.

    >>> encode({"b": 1, "a": np.arange(2)}) == encode({"a": np.arange(2), "b": 1})
    True
    """
    floats: defaultdict[np.dtype, list[bytes]] = defaultdict(list)
    hook = partial(_message_array, floats)
    raw = msgspec.msgpack.Encoder(enc_hook=hook, order="deterministic").encode(value)
    for dtype, parts in floats.items():
        _require_finite(np.frombuffer(b"".join(parts), dtype))
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
