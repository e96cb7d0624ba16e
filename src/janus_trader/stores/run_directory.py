"""The directory of one run: which file is what, checkpoints, and listing."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from typing import Any

import msgspec

from janus_trader.contracts.errors import DataError, IntegrityError
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.files import write_atomic

_CHECKPOINT = struct.Struct("<Q32s")


class RunDirectory:
    """Paths and small files of ``runs/<id>/``.

    ``manifest.json`` is written first (what the run is), ``checkpoint-*.bin`` after every night,
    ``summary.json`` last: a directory with a summary is a finished run.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

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

    @property
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

    def save_checkpoint(self, number: int, state: dict[str, Any]) -> None:
        """Write the state after night ``number``.

        Two files take turns and are overwritten in place: a crash in the middle of a write leaves the
        checkpoint of the night before, and no file system has to replace a name every night.
        """
        body = pack({"number": number, "state": state})
        path = self.checkpoints[number % 2]
        with open(path, "r+b" if path.exists() else "wb") as handle:
            handle.write(_CHECKPOINT.pack(len(body), hashlib.sha256(body).digest()) + body)

    def load_checkpoint(self) -> dict[str, Any] | None:
        """The newest checkpoint that is whole, or None when no night had finished.

        Raises
        ------
        IntegrityError
            There are checkpoints, but none is whole.
        """
        best: dict[str, Any] | None = None
        found = False
        for path in self.checkpoints:
            if not path.exists():
                continue
            found = True
            raw = path.read_bytes()
            if len(raw) < _CHECKPOINT.size:
                continue
            length, expected = _CHECKPOINT.unpack(raw[: _CHECKPOINT.size])
            body = raw[_CHECKPOINT.size : _CHECKPOINT.size + length]
            if hashlib.sha256(body).digest() == expected:
                tree = unpack(body)
                if best is None or tree["number"] > best["number"]:
                    best = tree
        if best is None:
            if found:
                raise IntegrityError(f"no checkpoint of {self.path} is whole", remedy="start the run again")
            return None
        return best["state"]


def list_runs(root: Path | str) -> list[RunDirectory]:
    """Every run below ``root``, oldest name first; an absent root is an empty list."""
    root = Path(root)
    if not root.is_dir():
        return []
    return [RunDirectory(p) for p in sorted(root.iterdir()) if (p / "manifest.json").exists()]
