"""Which points of the parameter space a sweep tries: a grid, or random samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from janus_trader.contracts.errors import ConfigError
from janus_trader.foundation.rng import Rng
from janus_trader.research.sweep.where import Constraint, shortened

#: Points that are looked at in one go; the numbers of a sample depend on it.
BLOCK = 4096
#: Most points of one sweep.
MOST_POINTS = 50_000_000
_MOST_VALUES = 1_000_000


@dataclass(frozen=True)
class Axis:
    """One parameter: the values of a grid, or the range of a sample.

    Attributes
    ----------
    name : str
    values : (m,) float array
        Values of the grid, in the order given. Empty for a range without a step.
    low, high : float
        Ends of the range, both included.
    log : bool
        Whether samples are drawn evenly in the logarithm.
    whole : bool
        Whether every value is an integer.
    """

    name: str
    values: np.ndarray
    low: float
    high: float
    log: bool
    whole: bool

    def sample(self, uniforms: np.ndarray) -> np.ndarray:
        """Values for uniforms in [0, 1): one of the grid's, or within the range."""
        if self.values.size:
            return self.values[(uniforms * self.values.size).astype(np.int64)]
        if self.whole and not self.log:
            return self.low + np.floor(uniforms * (self.high - self.low + 1.0))
        if self.log:
            drawn = np.exp(math.log(self.low) + uniforms * math.log(self.high / self.low))
            drawn = np.rint(drawn) if self.whole else drawn
            return np.clip(drawn, self.low, self.high)
        return self.low + uniforms * (self.high - self.low)


def parse_axis(text: str) -> Axis:
    """One ``--grid`` option.

    ``name=5:50:5`` from 5 to 50 in steps of 5, ``name=3,5,8`` these values, ``name=0.1:10:log7`` seven
    values evenly spaced in the logarithm. For samples also ``name=5:50`` (evenly within the range, whole
    numbers where both ends are) and ``name=0.1:10:log`` (evenly in the logarithm).

    Raises
    ------
    ConfigError
        It cannot be read, is empty, runs backwards, or holds a value that is not finite.

    Examples
    --------
    >>> parse_axis("fast=5:20:5").values.tolist(), parse_axis("x=0.1:10:log3").values.round(9).tolist()
    ([5.0, 10.0, 15.0, 20.0], [0.1, 1.0, 10.0])
    """
    name, equals, spec = (part.strip() for part in text.partition("="))
    if not equals or not name.isidentifier() or not spec:
        raise _bad(text, "name=first:last:step")
    if ":" not in spec:
        listed = _numbers(text, spec.split(","))
        return _axis(name, np.array(listed), min(listed), max(listed), False, spec)
    parts = [part.strip() for part in spec.split(":")]
    if len(parts) not in (2, 3):
        raise _bad(text, "name=first:last:step")
    low, high = _numbers(text, parts[:2])
    if low > high:
        raise _bad(text, "first <= last")
    kind = parts[2] if len(parts) == 3 else ""
    if kind.startswith("log"):
        if low <= 0.0:
            raise _bad(text, "a logarithmic range above 0")
        count = int(kind[3:]) if kind[3:].isdigit() else 0
        if (kind[3:] and not 2 <= count <= _MOST_VALUES) or (count and low == high):
            raise _bad(text, "log, or log and a number of values >= 2, as log7")
        values = np.exp(np.linspace(math.log(low), math.log(high), count)) if count else np.empty(0)
        if count:
            values[0], values[-1] = low, high
        return _axis(name, values, low, high, True, ":".join(parts[:2]) if not count else "")
    if not kind:
        return _axis(name, np.empty(0), low, high, False, spec)
    (step,) = _numbers(text, [kind])
    if not step > 0.0 or (high - low) / step > _MOST_VALUES:
        raise _bad(text, f"a step above 0 that makes at most {_MOST_VALUES} values")
    count = math.floor((high - low) / step + 1e-9) + 1
    values = np.round(low + step * np.arange(count), 12)
    return _axis(name, values, low, float(values[-1]), False, spec)


def _axis(name: str, values: np.ndarray, low: float, high: float, log: bool, spec: str) -> Axis:
    if len(set(values.tolist())) != values.size:
        raise ConfigError(f"--grid {name}: a value appears twice", got=spec, expected="different values")
    whole = bool(spec) and not any(mark in spec for mark in ".e") and low == int(low) and high == int(high)
    values.setflags(write=False)
    return Axis(name, values, low, high, log, whole)


def _numbers(text: str, parts: Sequence[str]) -> list[float]:
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = [math.nan]
    if not all(math.isfinite(x) for x in numbers):
        raise _bad(text, "finite numbers")
    return numbers


def _bad(text: str, expected: str) -> ConfigError:
    return ConfigError(
        f"cannot read --grid {text!r}",
        got=text,
        expected=expected,
        remedy="for example --grid fast=5:50:5, --grid width=1,1.5,2 or --grid rate=0.001:0.1:log9",
    )


class Space:
    """The points of a sweep, numbered, made block by block and never all at once.

    Parameters
    ----------
    axes : sequence of Axis
        A grid runs through all combinations, the last axis fastest.
    samples : int
        0 for the grid; else the number of random points.
    seed : int
        Of the random points; point ``k`` does not depend on how many there are.
    where : str or None
        Points that do not satisfy it are left out (and not replaced by others); blank: none is.

    Raises
    ------
    ConfigError
        No axis, one twice, a range without a step in a grid, too many points, or a bad constraint.

    Examples
    --------
    >>> space = Space([parse_axis("a=1:3:1"), parse_axis("b=1,2")], where="a > b")
    >>> numbers, columns = space.block(0)
    >>> numbers.tolist(), columns["a"].tolist(), columns["b"].tolist()
    ([2, 4, 5], [2.0, 3.0, 3.0], [1.0, 1.0, 2.0])
    """

    def __init__(
        self, axes: Sequence[Axis], *, samples: int = 0, seed: int = 0, where: str | None = None
    ) -> None:
        self.axes, self.samples, self.seed = tuple(axes), samples, seed
        names = tuple(axis.name for axis in axes)
        if not names or len(set(names)) != len(names):
            raise ConfigError(
                "a sweep needs parameters, each once",
                got=", ".join(names) or "no --grid",
                expected="--grid name=first:last:step for each parameter",
            )
        if not samples:
            for axis in axes:
                if not axis.values.size:
                    raise ConfigError(
                        f"the grid of {axis.name} has no step",
                        got=f"{axis.low:g}:{axis.high:g}",
                        expected="first:last:step, first:last:logK or a list",
                        remedy="or draw at random: --samples 1000",
                    )
        points = samples or math.prod(axis.values.size for axis in axes)
        if points > MOST_POINTS or points < 0:
            raise ConfigError(
                "too many points for one sweep",
                got=f"{points:,}",
                expected=f"at most {MOST_POINTS:,}",
                remedy="coarser steps, or --samples",
            )
        self.points = points
        self.names = names
        self.where = Constraint(where, names) if where and where.strip() else None

    @property
    def blocks(self) -> int:
        """Number of blocks of `BLOCK` points."""
        return -(-self.points // BLOCK)

    def block(self, number: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Numbers and values of the points of one block that satisfy the constraint."""
        first = number * BLOCK
        points = np.arange(first, min(first + BLOCK, self.points), dtype=np.int64)
        columns: dict[str, np.ndarray] = {}
        if self.samples:
            uniforms = (
                Rng(self.seed).child("research.sweep").generator(number).random((BLOCK, len(self.axes)))
            )
            columns = {a.name: a.sample(uniforms[: points.size, k]) for k, a in enumerate(self.axes)}
        else:
            rest = points.copy()
            for axis in reversed(self.axes):
                columns[axis.name] = axis.values[rest % axis.values.size]
                rest //= axis.values.size
            columns = {name: columns[name] for name in self.names}
        if self.where is None:
            return points, columns
        kept = np.broadcast_to(self.where(columns), points.shape)
        return points[kept], {name: values[kept] for name, values in columns.items()}

    def count(self) -> int:
        """Points that satisfy the constraint. O(points), some 20 ns each.

        Raises
        ------
        ConfigError
            None does.
        """
        if self.where is None:
            return self.points
        total = sum(self.block(number)[0].size for number in range(self.blocks))
        if total == 0:
            raise ConfigError(
                "the constraint excludes every point",
                got=f"--where {shortened(self.where.text)!r} leaves 0 of {self.points:,}",
                expected="at least one point",
                remedy="widen the grid or loosen the constraint",
            )
        return total
