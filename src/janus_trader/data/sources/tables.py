"""Reading one file into a table of cells: CSV (any common separator, also .gz) or Parquet."""

from __future__ import annotations

import csv
import gzip
import io
import re
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from janus_trader.contracts.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

_SEPARATORS = (",", ";", "\t", "|")
_SNIFF_LINES = 25
_WANTED = "CSV (also .gz) or Parquet with one time column and prices"
_NUMBER = re.compile(r"^-?\d+([.,]\d+)?$")


@dataclass(frozen=True)
class RawTable:
    """Cells of a file, the stem of its name, and how many lines could not be split into its columns."""

    frame: pd.DataFrame
    stem: str
    malformed: int


def read_table(path: Path | str) -> RawTable:
    """Read a file whatever its separator.

    Raises
    ------
    DataError
        It does not exist, is not a file, is empty, is not text or Parquet, has no header, or has
        only one column.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(
            f"cannot read {path}",
            got="a directory" if path.is_dir() else "no such file",
            expected=_WANTED,
            remedy="name the files themselves" if path.is_dir() else "check the path",
        )
    stem = re.sub(r"\.(gz|csv|txt|tsv|parquet|pq)", "", path.name, flags=re.IGNORECASE)
    with open(path, "rb") as handle:
        head = handle.read(4)
    foreign = _foreign_format(path, head)
    if foreign:
        raise DataError(
            f"{path.name} cannot be read", got=foreign, expected=_WANTED, remedy="save it as CSV or Parquet"
        )
    if head == b"PAR1":
        frame, malformed = _read_parquet(path), 0
    else:
        frame, malformed = _read_text(path, _decode(path, head))
    frame.columns = [str(c) for c in frame.columns]
    if len(frame) == 0:
        raise DataError(f"{path.name} has no rows", got="a header only", expected=_WANTED)
    if frame.shape[1] < 2:
        raise DataError(
            f"{path.name} has only one column",
            got=", ".join(frame.columns),
            expected="a time column and at least one price column",
            remedy="check the separator",
        )
    return RawTable(frame, stem, malformed)


def _foreign_format(path: Path, head: bytes) -> str | None:
    """What a file is that is neither text with columns nor Parquet; None when it may be one of these."""
    if path.suffix.lower() in {".parquet", ".pq"} and head != b"PAR1":
        return "a name that says Parquet, contents that are not"
    if head.startswith(b"PK\x03\x04"):
        return "a ZIP archive or an Excel workbook"
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return "an old Excel workbook"
    if head.lstrip()[:1] in (b"{", b"["):
        return "JSON"
    return None


def _read_parquet(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        frame = pd.read_parquet(path)
    except Exception as error:  # pyarrow raises many types for damaged files
        raise DataError(f"{path.name} is damaged", got=str(error), expected="a Parquet file") from error
    if not isinstance(frame.index, pd.RangeIndex):
        frame = frame.reset_index()
    return frame


def _decode(path: Path, head: bytes) -> str:
    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if head[:2] == b"\x1f\x8b" else data
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path.name} is damaged", got=str(error), expected="a gzip file") from error
    if not data.strip():
        raise DataError(f"{path.name} is empty", got="0 rows", expected=_WANTED)
    if b"\x00" in data[:65_536] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(f"{path.name} is not text", got="binary data", expected=_WANTED)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _separator(lines: list[str]) -> str:
    """The separator that splits the lines into the same number (> 1) of cells most often."""

    def score(separator: str) -> tuple[int, int]:
        widths = [len(row) for row in csv.reader(lines, delimiter=separator)]
        width = widths[0]
        return (sum(w == width for w in widths), width) if width > 1 else (0, 0)

    return max(_SEPARATORS, key=score)


def _read_text(path: Path, text: str) -> tuple[pd.DataFrame, int]:
    import pandas as pd

    lines = [line for line in text[:200_000].splitlines() if line.strip()][:_SNIFF_LINES]
    separator = _separator(lines)
    rows = list(csv.reader(lines, delimiter=separator))
    if any(_NUMBER.match(cell.strip()) for cell in rows[0]):
        raise DataError(
            f"{path.name} has no header",
            got=lines[0][:80],
            expected="names of the columns in the first line",
            remedy="add a line such as: time,open,high,low,close,volume",
        )
    decimal = "." if separator == "," or not _decimal_commas(rows[1:]) else ","
    trailing = len(rows) > 1 and len(rows[1]) == len(rows[0]) + 1 and rows[1][-1] == ""
    options: dict[str, Any] = {"sep": separator, "decimal": decimal, "skipinitialspace": True}
    if trailing:  # a separator at the end of each line, not an unnamed first column
        options["index_col"] = False
    malformed = 0

    def set_aside(_: list[str]) -> None:
        nonlocal malformed
        malformed += 1

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            try:
                frame = pd.read_csv(
                    io.StringIO(text), low_memory=False, float_precision="round_trip", **options
                )
            except pd.errors.ParserError:  # some line has too many cells: count and leave those out
                frame = pd.read_csv(io.StringIO(text), engine="python", on_bad_lines=set_aside, **options)
        except (ValueError, csv.Error) as error:
            raise DataError(f"{path.name} is not a table", got=str(error), expected=_WANTED) from error
    return frame, malformed


def _decimal_commas(rows: list[list[str]]) -> bool:
    cells = [cell.strip() for row in rows for cell in row]
    return sum(bool(re.match(r"^-?\d+,\d+$", c)) for c in cells) > sum(
        bool(re.match(r"^-?\d+\.\d+$", c)) for c in cells
    )
