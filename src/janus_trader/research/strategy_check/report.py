"""What a check of a strategy found."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What is wrong with a strategy.

    LOOK_AHEAD: an answer depends on bars after it. HISTORY: an answer depends on where the history
    starts, however long ago that was. STATE: something is remembered outside the state, so that
    instruments or runs touch each other. RANDOM: the same bars give other answers in another process.
    UNKNOWN_BARS: a bar or a volume that is not known breaks it. RAISES: it raises when it is asked bar by
    bar, from the first bar on. OWN_DATA: the file reads data of its own,
    whose times nothing can vouch for. NOT_CHECKED: it refuses every change that a probe makes, so that
    nothing is known.
    """

    LOOK_AHEAD = "look-ahead"
    HISTORY = "history"
    STATE = "state"
    RANDOM = "random"
    UNKNOWN_BARS = "unknown bars"
    RAISES = "raises"
    OWN_DATA = "own data"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True)
class Violation:
    """One finding.

    Attributes
    ----------
    kind : Kind
    message : str
        What was observed, in a sentence.
    bar : int or None
        Number of the first bar whose answer is wrong, counted from 0 in the bars checked.
    field : str or None
        The field of the bars that leaks; `perturbations.TOGETHER` where only a whole bar's prices show it.
    line : int or None
        The offending line of the file, where it could be found.
    text : str
        That line.
    """

    kind: Kind
    message: str
    bar: int | None = None
    field: str | None = None
    line: int | None = None
    text: str = ""


@dataclass(frozen=True)
class CheckReport:
    """Everything a check has to say; ``clean`` decides the exit code.

    Attributes
    ----------
    name, form, path : str
        Name and form ("compiled", "python" or "signals") of the strategy; "" where it has no file.
    bars, instruments : int
        How much was checked.
    warm_up : int or None
        Bars after which answers no longer depend on where the history starts; None where they always do.
    violations : tuple of Violation
    notes : tuple of str
        Worth knowing, but nothing wrong.
    """

    name: str
    form: str
    path: str
    bars: int
    instruments: int
    warm_up: int | None
    violations: tuple[Violation, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not self.violations

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values."""
        return {"clean": self.clean, **asdict(self)}
