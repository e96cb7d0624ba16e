"""The directory of one run: which file is what, checkpoints, and listing."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from janus_trader.contracts.errors import DataError, IntegrityError
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.files import overwrite, write_atomic

#: Length of the index and its CRC-32. The index holds the length and the CRC-32 of every part.
_CHECKPOINT = struct.Struct("<QI")


class Checkpoint(NamedTuple):
    """State after a night: a small tree, and parts that are bytes."""

    number: int
    state: dict[str, Any]
    parts: dict[str, bytes]


class RunDirectory:
    """Paths and small files of ``runs/<id>/``.

    ``manifest.json`` is written first (what the run is), ``checkpoint-*.bin`` after every night,
    ``summary.json`` last: a directory with a summary is a finished run.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._checked: dict[str, tuple[bytes, int]] = {}

    @property
    def run_id(self) -> str:
        """The directory's name."""
        return self.path.name

    @property
    def manifest(self) -> Path:
        """What the run is: arguments, configuration, data and environment fingerprints."""
        return self.path / "manifest.json"

    @property
    def journal(self) -> Path:
        """One frame per bar: decision, orders, fills, refusals."""
        return self.path / "journal.bin"

    @property
    def episodes(self) -> Path:
        """One frame per finished episode."""
        return self.path / "episodes.bin"

    @property
    def nights(self) -> Path:
        """One frame per night: its sleep report."""
        return self.path / "nights.bin"

    @cached_property
    def checkpoints(self) -> tuple[Path, Path]:
        """State after the last finished night and after the one before, written in turn."""
        return self.path / "checkpoint-0.bin", self.path / "checkpoint-1.bin"

    @property
    def summary(self) -> Path:
        """The figures of a finished run."""
        return self.path / "summary.json"

    @property
    def report(self) -> Path:
        """The page for people."""
        return self.path / "report.html"

    @property
    def log(self) -> Path:
        """JSON lines of what happened when."""
        return self.path / "run.log"

    @property
    def finished(self) -> bool:
        """Whether the run came to its end."""
        return self.summary.exists()

    def create(self) -> RunDirectory:
        """Make the directory; refuses one that already holds a run."""
        if self.manifest.exists():
            raise DataError(
                f"{self.path} already holds a run",
                expected="a new directory",
                remedy=f"`janus run --resume {self.path}` goes on with it, or choose another --out",
            )
        self.path.mkdir(parents=True, exist_ok=True)
        return self

    def write_json(self, path: Path, value: Any) -> None:
        """Indented JSON, written in one step."""
        write_atomic(path, msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")

    def read_json(self, path: Path) -> Any:
        """Parse a JSON file of the run.

        Raises
        ------
        DataError
            The file is not there: the path is not a run, or the run has not finished.
        IntegrityError
            The file is not JSON.
        """
        if not path.exists():
            raise DataError(
                f"no {path.name} in {self.path}",
                expected="the directory of a run",
                remedy="`janus runs list` shows the runs; `janus run --resume RUN` ends an unfinished one",
            )
        try:
            return msgspec.json.decode(path.read_bytes())
        except msgspec.DecodeError as error:
            raise IntegrityError(f"{path} is not valid JSON", got=str(error)) from error

    def save_checkpoint(self, number: int, state: dict[str, Any], parts: Mapping[str, bytes]) -> None:
        """Write the state after night ``number``.

        Two files take turns and are overwritten in place: a crash in the middle of a write leaves the
        checkpoint of the night before, and no file system has to replace a name every night. The checksums
        tell a write that was torn, no more: what was lived is in the hash chain of the journal. O(bytes), and
        a part that is as it was the last time is not summed again.
        """
        sums = [(name, len(raw), self._checksum(name, raw)) for name, raw in parts.items()]
        index = pack({"number": number, "state": state, "parts": sums})
        header = _CHECKPOINT.pack(len(index), zlib.crc32(index))
        overwrite(self.checkpoints[number % 2], [header, index, *parts.values()])

    def _checksum(self, name: str, raw: bytes) -> int:
        known = self._checked.get(name)
        if known is None or known[0] != raw:
            known = self._checked[name] = raw, zlib.crc32(raw)
        return known[1]

    def load_checkpoint(self) -> Checkpoint | None:
        """The newest checkpoint that is whole, or None when no night had finished.

        Raises
        ------
        IntegrityError
            There are checkpoints, but none is whole.
        """
        there = [path for path in self.checkpoints if path.exists()]
        whole = [found for path in there if (found := _read_checkpoint(path)) is not None]
        if there and not whole:
            raise IntegrityError(f"no checkpoint of {self.path} is whole", remedy="start the run again")
        return max(whole, key=lambda found: found.number, default=None)


def _read_checkpoint(path: Path) -> Checkpoint | None:
    """The checkpoint in a file; None where its write was torn."""
    raw = memoryview(path.read_bytes())
    if len(raw) < _CHECKPOINT.size:
        return None
    length, expected = _CHECKPOINT.unpack(raw[: _CHECKPOINT.size])
    at = _CHECKPOINT.size + length
    index = bytes(raw[_CHECKPOINT.size : at])
    if zlib.crc32(index) != expected:
        return None
    tree, parts = unpack(index), {}
    for name, size, checksum in tree["parts"]:
        parts[name] = bytes(raw[at : at + size])
        if zlib.crc32(parts[name]) != checksum:
            return None
        at += size
    return Checkpoint(int(tree["number"]), tree["state"], parts)


def list_runs(root: Path | str) -> list[RunDirectory]:
    """Every run below ``root``, oldest name first; an absent root is an empty list."""
    root = Path(root)
    if not root.is_dir():
        return []
    return [RunDirectory(p) for p in sorted(root.iterdir()) if (p / "manifest.json").exists()]
