"""The directory of a matrix: what it is, one file a life, and what came of it.

A life's file is named by everything that determines it (configuration, seed, data, environment and the
product's own source), renamed into place when it is whole. A matrix that was killed goes on with the lives
that are not there; one whose source has changed since lives them again, so that no table mixes two products.
"""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import Any

import msgspec

import janus_trader
from janus_trader.contracts.errors import DataError, IntegrityError
from janus_trader.foundation.environment import environment_fingerprint
from janus_trader.foundation.files import write_atomic
from janus_trader.research.ablation.lives import DailySeries

#: Packages that no life sees.
_OUTSIDE = ("cli", "web", "services", "research")


@functools.cache
def source_fingerprint() -> str:
    """SHA-256 over the source of everything that a life runs through."""
    root, body = Path(janus_trader.__file__).parent, hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root)
        if name.parts[0] not in _OUTSIDE:
            body.update(f"{name}\n".encode() + hashlib.sha256(path.read_bytes()).digest())
    return body.hexdigest()


class MatrixStore:
    """Files of one matrix below ``path``."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.manifest = self.path / "matrix.json"
        self.lives = self.path / "lives"
        self.summary = self.path / "summary.json"
        self.record = self.path / "trials.record.jsonl"

    def begin(self, manifest: dict[str, Any]) -> None:
        """Begin a matrix in a new directory.

        Raises
        ------
        DataError
            The directory holds something.
        """
        if self.path.exists() and not (self.path.is_dir() and not any(self.path.iterdir())):
            what = "a matrix" if self.manifest.exists() else "something else"
            raise DataError(
                f"{self.path} already holds {what}",
                expected="a new or empty directory",
                remedy=f"`janus ablate --resume {self.path}` goes on with a matrix; or choose another --out",
            )
        self.lives.mkdir(parents=True)
        body = msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
        write_atomic(self.manifest, body, durable=True)

    def read_manifest(self) -> dict[str, Any]:
        """What the matrix in the directory is.

        Raises
        ------
        DataError
            There is none.
        IntegrityError
            Its file is damaged.
        """
        if not self.manifest.is_file():
            raise DataError(
                f"no matrix to go on with in {self.path}",
                expected="the directory of `janus ablate`",
                remedy="leave --resume out to begin one",
            )
        try:
            return msgspec.json.decode(self.manifest.read_bytes(), type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise IntegrityError(f"{self.manifest} is damaged", got=str(error)) from error

    def file_of(self, config_fingerprint: str, seed: int, data_fingerprint: str) -> Path:
        """Where the life of a configuration, seed and history is kept."""
        facts = (config_fingerprint, seed, data_fingerprint, environment_fingerprint(), source_fingerprint())
        return self.lives / f"{hashlib.sha256(repr(facts).encode()).hexdigest()[:32]}.bin"

    def write(self, file: Path, series: DailySeries) -> None:
        """Keep one life."""
        self.lives.mkdir(exist_ok=True)
        body = series.to_bytes()
        write_atomic(file, hashlib.sha256(body).digest() + body, durable=True)

    def read(self, file: Path) -> DailySeries:
        """One life.

        Raises
        ------
        IntegrityError
            The file is damaged.
        """
        raw = file.read_bytes()
        if hashlib.sha256(raw[32:]).digest() != raw[:32]:
            raise IntegrityError(
                f"{file} is damaged",
                got="bytes that do not hash to their digest",
                remedy="delete it and resume",
            )
        return DailySeries.from_bytes(raw[32:])

    def finish(self, summary: dict[str, Any]) -> None:
        """Write what came of it."""
        write_atomic(self.summary, msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n")
