"""The quality report of users' files: what `janus data check` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from janus_trader.contracts.message import Message
from janus_trader.data.cleaning import InstrumentQuality, QualityConfig, merge_counts
from janus_trader.data.sources.files import read_files


class QualityReport(Message, frozen=True):
    """One entry per instrument, the bar length, and the assumptions made while reading."""

    instruments: tuple[InstrumentQuality, ...]
    bar_seconds: float
    notes: tuple[str, ...]

    @property
    def quarantined(self) -> dict[str, int]:
        """Rows set aside over all instruments, by reason."""
        return merge_counts([one.quarantined for one in self.instruments])

    @property
    def clean(self) -> bool:
        """Whether no row had to be set aside."""
        return not self.quarantined

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values, for JSON."""
        tree = msgspec.to_builtins(self)
        tree["quarantined"] = self.quarantined
        return tree


def check_files(
    paths: str | Path | Sequence[str | Path],
    *,
    timezone: str | None = None,
    bar_end: bool | None = None,
    columns: Mapping[str, str] | None = None,
    config: QualityConfig | None = None,
) -> QualityReport:
    """Read files as `load_files` would and report on every instrument; parameters as there.

    Raises
    ------
    DataError
        The files cannot be read as bars at all. Bad rows are no error: they are counted.
    """
    reading = read_files(paths, timezone=timezone, bar_end=bar_end, columns=columns, config=config)
    return QualityReport(instruments=reading.quality, bar_seconds=reading.bar_seconds, notes=reading.notes)
