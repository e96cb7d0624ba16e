"""Bytes and columns of recorded feeds: plain, gzip, xz or zstd, known by their first bytes."""

from __future__ import annotations

import gzip
import lzma
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from janus_trader.contracts.errors import DataError

_GZIP, _XZ, _ZSTD = b"\x1f\x8b", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"


def feed_bytes(path: Path) -> bytes:
    """The whole content of a file, decompressed.

    Raises
    ------
    DataError
        The file is not there, is empty, or ends before its compressed stream does.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read", got=error.strerror, remedy="check the path") from error
    try:
        body = _decompressed(raw)
    except (EOFError, OSError, lzma.LZMAError, zlib.error) as error:
        raise DataError(
            f"{path}: damaged or truncated",
            got=str(error)[:200],
            expected="a complete compressed file",
            remedy="fetch the file again",
        ) from error
    if not body:
        raise DataError(f"{path}: empty", expected="a recorded feed")
    return body


def feed_head(path: Path, size: int = 4_096) -> bytes:
    """The first bytes of a file, decompressed; none where it cannot be read."""
    try:
        with path.open("rb") as handle:
            raw = handle.read(1 << 16)
        if raw.startswith(_GZIP):
            return zlib.decompressobj(31).decompress(raw, size)
        if raw.startswith(_XZ):
            return lzma.LZMADecompressor().decompress(raw, size)
        if raw.startswith(_ZSTD):
            import pyarrow as pa

            return pa.input_stream(path, compression="zstd").read(size)
        return raw[:size]
    except (OSError, EOFError, lzma.LZMAError, zlib.error):
        return b""


def _decompressed(raw: bytes) -> bytes:
    if raw.startswith(_GZIP):
        return gzip.decompress(raw)
    if raw.startswith(_XZ):
        return lzma.decompress(raw)
    if raw.startswith(_ZSTD):
        import pyarrow as pa

        frames = pa.input_stream(pa.BufferReader(raw), compression="zstd")
        return frames.read()
    return raw


def table(path: Path, body: bytes, *, header: bool, columns: int | None = None) -> list[np.ndarray]:
    """Cells of a CSV as columns of strings; every row has as many as the first, or ``columns``.

    Raises
    ------
    DataError
        A row has fewer or more cells (a truncated file ends with such a row), or nothing is there.
    """
    import io

    import pandas as pd

    body = body.rstrip()
    first = body.split(b"\n", int(header) + 1)[int(header) :][:1]
    if first and columns is not None and first[0].count(b",") + 1 != columns:
        refuse(path, 1 + int(header), f"{first[0].count(b',') + 1} cells", f"{columns} cells in every row")
    try:
        frame = pd.read_csv(
            io.BytesIO(body), header=None, dtype=str, skiprows=int(header), na_filter=False,
            names=None if columns is None else range(columns), index_col=False, skip_blank_lines=False,
        )  # fmt: skip
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path}: damaged row", got=str(error)[:200], expected="rows of equal length"
        ) from error
    cells = [frame[name].to_numpy(dtype=object) for name in frame]
    if not len(frame):
        raise DataError(f"{path}: no rows", expected="a recorded feed")
    for column in cells:
        short = np.flatnonzero([not isinstance(cell, str) or not cell for cell in column])
        if len(short):
            refuse(
                path,
                int(short[0]) + 1 + int(header),
                "an empty or missing cell",
                f"{len(cells)} cells in every row",
            )
    return cells


def refuse(path: Path, row: int, got: object, expected: str) -> None:
    """Raise the error about one row; rows count from 1, header included."""
    raise DataError(
        f"{path}: row {row} is damaged",
        got=got,
        expected=expected,
        remedy="cut the file before that row, or fetch it again",
    )


def numbers(path: Path, cells: np.ndarray, name: str, first_row: int = 1) -> np.ndarray:
    """A column of cells as finite floats; the row of the first that is none is named.

    >>> numbers(Path("x"), np.array(["1", "2.5"], object), "price").tolist()
    [1.0, 2.5]
    """
    try:
        values = cells.astype(np.float64)
    except (ValueError, TypeError):
        values = np.array([_number(cell) for cell in cells])
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        refuse(path, int(bad[0]) + first_row, f"{name} {cells[bad[0]]!r}", f"a finite {name}")
    return values


def _number(cell: object) -> float:
    try:
        return float(cell)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return float("nan")


def whole(path: Path, values: np.ndarray, name: str, first_row: int = 1) -> np.ndarray:
    """Floats that are whole numbers, as int64; the row of the first that is none is named."""
    rounded = np.rint(values)
    bad = np.flatnonzero((rounded != values) | (np.abs(values) >= 2.0**53))
    if len(bad):
        refuse(path, int(bad[0]) + first_row, f"{name} {values[bad[0]]}", f"a whole {name}")
    return rounded.astype(np.int64)


def require(
    path: Path, wrong: np.ndarray, values: np.ndarray, name: str, expected: str, first_row: int = 1
) -> None:
    """Refuse the first row where ``wrong``."""
    bad = np.flatnonzero(wrong)
    if len(bad):
        refuse(path, int(bad[0]) + first_row, f"{name} {values[bad[0]]}", expected)


def never_back(path: Path, times: np.ndarray, first_row: int = 1) -> None:
    """Refuse the first row whose time is before that of the row above."""
    back = np.flatnonzero(np.diff(times) < 0)
    if len(back):
        k = int(back[0]) + 1
        refuse(
            path,
            k + first_row,
            f"time goes back by {int(times[k - 1] - times[k])}",
            "times that never decrease",
        )


def one_of(path: Path, cells: np.ndarray, names: Sequence[str], what: str, first_row: int = 1) -> np.ndarray:
    """Index of every cell's word in ``names``; the row of the first that is none of them is named."""
    out = np.full(len(cells), -1, np.int64)
    for k, name in enumerate(names):
        out[cells == name] = k
    require(path, out < 0, cells, what, f"one of {', '.join(names)}", first_row)
    return out
