"""The directory of a sweep: what it is, its trials block by block, and what came of it.

``sweep.json`` is written first. Every finished block of the space is one Parquet file under ``blocks/``,
renamed into place when it is whole, so that an interrupted sweep goes on behind it. At the end the blocks
become ``trials.parquet``, in the order of the points: an interrupted and resumed sweep ends with the same
bytes as one that ran through.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from janus_trader.contracts.errors import DataError, IntegrityError
from janus_trader.foundation.files import write_atomic
from janus_trader.research.sweep.engine import Trials
from janus_trader.research.sweep.statistics import FIGURES

if TYPE_CHECKING:
    import pyarrow as pa


class SweepStore:
    """Files of one sweep below ``path``."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.manifest = self.path / "sweep.json"
        self.blocks = self.path / "blocks"
        self.trials = self.path / "trials.parquet"
        self.summary = self.path / "summary.json"
        self.record = self.path / "trials.record.jsonl"

    def open(self, manifest: dict[str, Any], *, resume: bool) -> None:
        """Begin a sweep, or go on with one.

        Raises
        ------
        DataError
            The directory holds a sweep or anything else already (and ``resume`` is False), holds none (and
            it is True), or holds a finished one.
        IntegrityError
            The sweep in the directory is another one.
        """
        body = msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
        if not resume:
            if self.manifest.exists():
                raise DataError(
                    f"{self.path} already holds a sweep",
                    expected="a new directory",
                    remedy="--resume goes on with it; or choose another --out",
                )
            if self.path.exists() and not (self.path.is_dir() and not any(self.path.iterdir())):
                raise DataError(
                    f"{self.path} holds something else",
                    expected="a new or empty directory",
                    remedy="choose another --out",
                )
            self.blocks.mkdir(parents=True)
            write_atomic(self.manifest, body, durable=True)
            return
        if not self.manifest.exists():
            raise DataError(
                f"no sweep to go on with in {self.path}",
                expected="the directory of an interrupted sweep",
                remedy="leave --resume out to begin one",
            )
        if self.summary.exists():
            raise DataError(f"the sweep in {self.path} has finished already", remedy="choose another --out")
        began = msgspec.json.decode(self.manifest.read_bytes())
        wanted = msgspec.json.decode(body)
        if began != wanted:
            keys = sorted(k for k in {*began, *wanted} if began.get(k) != wanted.get(k))
            raise IntegrityError(
                f"the sweep in {self.path} is another one",
                got=f"different {', '.join(keys)}",
                expected="the same strategy, data, grid and settings",
                remedy="resume with the options it began with, or choose another --out",
            )
        self.blocks.mkdir(exist_ok=True)

    def _file(self, number: int) -> Path:
        return self.blocks / f"{number:06d}.parquet"

    def has(self, number: int) -> bool:
        """Whether a block is finished."""
        return self._file(number).exists()

    def write(self, number: int, trials: Trials) -> None:
        """Keep one finished block."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = _table(trials)
        meta = {"refused": str(trials.refused), "reason": trials.reason}
        sink = pa.BufferOutputStream()
        pq.write_table(table.replace_schema_metadata(meta), sink, compression="zstd")
        write_atomic(self._file(number), sink.getvalue().to_pybytes())

    def read(self, number: int) -> Trials:
        """One finished block.

        Raises
        ------
        IntegrityError
            The file is no block of a sweep.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return _trials(pq.read_table(self._file(number)))
        except (pa.ArrowException, OSError, KeyError) as error:
            raise IntegrityError(
                f"{self._file(number)} is damaged",
                got=str(error).splitlines()[0],
                remedy="delete it and resume",
            ) from error

    def rows(self, count: int) -> int:
        """Trials in all blocks."""
        import pyarrow.parquet as pq

        return sum(pq.read_metadata(self._file(number)).num_rows for number in range(count))

    def each(self, count: int) -> Iterator[Trials]:
        """All blocks in order, one at a time in memory."""
        for number in range(count):
            yield self.read(number)

    def finish(self, count: int, summary: dict[str, Any]) -> None:
        """Join the blocks, write the summary, and remove the blocks."""
        import pyarrow.parquet as pq

        beside = self.trials.with_name(".trials.tmp")
        writer = None
        try:
            for number in range(count):
                table = pq.read_table(self._file(number)).replace_schema_metadata(None)
                if writer is None:
                    writer = pq.ParquetWriter(beside, table.schema, compression="zstd")
                if table.num_rows:
                    writer.write_table(table)
        finally:
            if writer is not None:
                writer.close()
        beside.replace(self.trials)
        write_atomic(self.summary, msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n")
        shutil.rmtree(self.blocks)


def _table(trials: Trials) -> pa.Table:
    import pyarrow as pa

    columns: dict[str, Any] = {"trial": pa.array(trials.numbers)}
    columns.update({name: pa.array(values) for name, values in trials.values.items()})
    columns.update({name: pa.array(trials.figures[:, k]) for k, name in enumerate(FIGURES)})
    columns["mean_return"] = pa.array(trials.mean)
    for name, values in (("block_sums", trials.sums), ("block_squares", trials.squares)):
        flat = pa.array(np.ascontiguousarray(values).reshape(-1))
        columns[name] = pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
    return pa.table(columns)


def _trials(table: pa.Table) -> Trials:
    names = table.column_names
    parameters = names[1 : names.index(FIGURES[0])]
    meta = table.schema.metadata or {}

    def column(name: str) -> np.ndarray:
        return np.asarray(table[name].to_numpy())

    def blocks(name: str) -> np.ndarray:
        flat = table[name].combine_chunks()
        width = table.schema.field(name).type.list_size
        return np.asarray(flat.flatten().to_numpy()).reshape(table.num_rows, width)

    return Trials(
        numbers=column("trial"),
        values={name: column(name) for name in parameters},
        figures=np.column_stack([column(name) for name in FIGURES]),
        mean=column("mean_return"),
        sums=blocks("block_sums"),
        squares=blocks("block_squares"),
        refused=int(meta.get(b"refused", b"0")),
        reason=meta.get(b"reason", b"").decode(),
    )
