"""Splits in order of time, with purge and embargo."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from msgspec import Meta

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.foundation.config import Config


class SplitConfig(Config, frozen=True):
    """How a series of labelled rows is cut."""

    validation_frac: Annotated[float, Meta(gt=0.0, lt=1.0, description="share of the rows")] = 0.2
    test_frac: Annotated[float, Meta(ge=0.0, lt=1.0, description="share of the rows, the last ones")] = 0.2
    embargo: Annotated[
        int, Meta(ge=0, description="further rows dropped after a purge: what lingers beyond the label")
    ] = 0


@dataclass(frozen=True)
class Split:
    """Row numbers of one split, each rising: every training label ends before the validation begins, every
    validation label before the test begins."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def time_split(starts: np.ndarray, ends: np.ndarray, config: SplitConfig) -> Split:
    """Train, validation and test rows in order of time.

    A row is known at ``starts`` and its label at ``ends``. A row whose label ends at or after the first row
    of the next part is purged; ``embargo`` more rows before the boundary go with it.

    Parameters
    ----------
    starts, ends : (n,) int or float arrays
        Rising starts; ``ends >= starts``.
    config : SplitConfig

    Raises
    ------
    DataError
        The times do not rise, or a part is left without a row.

    Examples
    --------
    >>> t = np.arange(10)
    >>> split = time_split(t, t + 2, SplitConfig(validation_frac=0.3, test_frac=0.2))
    >>> split.train.tolist(), split.validation.tolist(), split.test.tolist()
    ([0, 1, 2], [5], [8, 9])

    Source: López de Prado 2018, chapter 7. O(n).
    """
    starts, ends = _checked(starts, ends)
    n = len(starts)
    test_from = n - round(config.test_frac * n)
    validation_from = test_from - round(config.validation_frac * n)
    train = _before(starts, ends, np.arange(validation_from), validation_from, config.embargo)
    validation = _before(starts, ends, np.arange(validation_from, test_from), test_from, config.embargo)
    test = np.arange(test_from, n)
    if not len(train) or not len(validation) or (config.test_frac > 0.0 and not len(test)):
        raise DataError(
            "a part of the split has no row",
            got=f"{len(train)} to train on, {len(validation)} to validate, {len(test)} to test, of {n}",
            expected="rows in every part",
            remedy="more rows, a shorter label or a smaller embargo",
        )
    return Split(train, validation, test)


def walk_forward(
    starts: np.ndarray,
    ends: np.ndarray,
    *,
    folds: int,
    min_train: int,
    embargo: int = 0,
    window: int = 0,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Training and test rows of each fold: train on what was known, test on what came next.

    Parameters
    ----------
    starts, ends : (n,) arrays
        As in `time_split`.
    folds : int
        Test blocks of equal length (the last takes the rest) over the rows after ``min_train``.
    min_train : int
        Rows before the first test block.
    embargo : int
    window : int
        Longest training span in rows; 0 keeps everything.

    Raises
    ------
    ConfigError
        There are fewer rows after ``min_train`` than folds.

    Examples
    --------
    >>> t = np.arange(12)
    >>> for train, test in walk_forward(t, t + 1, folds=2, min_train=6):
    ...     print(train[-1], test.tolist())
    4 [6, 7, 8]
    7 [9, 10, 11]
    """
    starts, ends = _checked(starts, ends)
    n = len(starts)
    size = (n - min_train) // max(folds, 1)
    if folds < 1 or min_train < 1 or size < 1:
        raise ConfigError(
            "a walk forward has no room",
            got=f"{folds} folds after {min_train} of {n} rows",
            expected="a row per fold",
        )
    for fold in range(folds):
        first = min_train + fold * size
        last = n if fold == folds - 1 else first + size
        oldest = max(0, first - window) if window else 0
        yield _before(starts, ends, np.arange(oldest, first), first, embargo), np.arange(first, last)


def _before(
    starts: np.ndarray, ends: np.ndarray, rows: np.ndarray, boundary: int, embargo: int
) -> np.ndarray:
    """Of some rows, those whose label ends before row ``boundary`` begins, less the embargo."""
    if boundary >= len(starts):
        return rows
    known = ends[rows] < starts[boundary]
    return rows[known & (rows < boundary - embargo)]


def _checked(starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    starts, ends = np.asarray(starts), np.asarray(ends)
    if starts.ndim != 1 or starts.shape != ends.shape or not len(starts):
        raise DataError(
            "times of a split", got=(starts.shape, ends.shape), expected="two (n,) arrays, n >= 1"
        )
    if (np.diff(starts) < 0).any() or (ends < starts).any():
        raise DataError(
            "times of a split do not rise",
            got="a start before the one before it, or a label that ends before it starts",
            expected="rising starts, ends >= starts",
            remedy="sort the rows by time",
        )
    return starts, ends
