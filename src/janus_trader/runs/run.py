"""A finished (or interrupted) run as frames for a notebook."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from janus_trader.contracts.errors import DataError
from janus_trader.foundation.hashing import HashChain
from janus_trader.runs.records import StepRecord, read_records
from janus_trader.stores.frames import read_frames
from janus_trader.stores.run_directory import RunDirectory

if TYPE_CHECKING:
    import pandas as pd


class Run:
    """Read access to one run's directory.

    ``Run.load("runs/<id>")`` then ``run.summary["sharpe"]``, ``run.equity``, ``run.weights``, ``run.regimes``,
    ``run.orders``, ``run.trades`` (pandas frames) and ``run.decision(step)``.
    """

    def __init__(self, directory: RunDirectory) -> None:
        self.directory = directory

    @classmethod
    def load(cls, path: Path | str) -> Run:
        """Open a run.

        Raises
        ------
        DataError
            The path is not the directory of a run.
        """
        directory = RunDirectory(path)
        directory.read_json(directory.manifest)
        return cls(directory)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What the run was asked for and ran with."""
        return self.directory.read_json(self.directory.manifest)

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The figures; raises DataError while the run has not finished."""
        return self.directory.read_json(self.directory.summary)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The book."""
        return tuple(self.manifest["symbols"])

    def _frame(self, name: str) -> pd.DataFrame:
        import pandas as pd

        path = self.directory.path / f"{name}.parquet"
        if not path.exists():
            raise DataError(
                f"no {path.name} in {self.directory.path}",
                expected="a finished run",
                remedy=f"`janus run --resume {self.directory.path}` finishes it",
            )
        return pd.read_parquet(path)

    @property
    def equity(self) -> pd.DataFrame:
        """Equity of the run and of every baseline by time."""
        return self._frame("equity")

    @property
    def weights(self) -> pd.DataFrame:
        """Weights at the close by time, one column an instrument."""
        return self._frame("weights")

    @property
    def regimes(self) -> pd.DataFrame:
        """Time and the seven probabilities."""
        return self._frame("regimes")

    @property
    def orders(self) -> pd.DataFrame:
        """Every order with its fill."""
        return self._frame("orders")

    @property
    def trades(self) -> pd.DataFrame:
        """Round trips."""
        return self._frame("trades")

    def decision(self, step: int) -> tuple[StepRecord, str]:
        """The record of one bar and the hash chain after it.

        Raises
        ------
        DataError
            The run has no such step.
        """
        from janus_trader.foundation.codec import decode

        chain = HashChain()
        for index, payload in enumerate(read_frames(self.directory.journal)):
            chain.append(payload)
            if index == step:
                return decode(payload, StepRecord), chain.head
        raise DataError(
            f"run {self.directory.run_id} has no decision {step}",
            got=step,
            expected=f"0 to {chain.length - 1}" if chain.length else "a run with decisions",
        )

    def step_of(self, text: str) -> int:
        """A decision's number from a number or a date (the last decision on or before that day).

        Raises
        ------
        DataError
            No decision that early, or the text is neither.
        """
        if text.lstrip("-").isdigit() and len(text) < 8:
            return int(text)
        from janus_trader.contracts.errors import ConfigError
        from janus_trader.runs.history import day_ns

        try:
            limit = day_ns(text, end=True)
        except ConfigError as error:
            raise DataError(
                f"{text!r} names no decision", got=text, expected="a step number or a date YYYY-MM-DD"
            ) from error
        found = -1
        for record in read_records(self.directory.journal):
            if record.ts_event > limit:
                break
            found = record.step
        if found < 0:
            raise DataError(f"no decision on or before {text}", remedy="choose a later date")
        return found
