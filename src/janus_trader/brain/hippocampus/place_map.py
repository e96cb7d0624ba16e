"""Place cells: a map of market states on which near places are similar states."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.contracts.errors import ConfigError, IntegrityError
from janus_trader.foundation.config import Config, Count, Fraction, Positive


class PlaceMapConfig(Config, frozen=True):
    """Size of the map and how it settles."""

    side: Annotated[int, Meta(ge=2, le=64, description="cells along each side of the lattice")] = 10
    rate_start: Annotated[Fraction, Meta(description="step towards a state at first")] = 0.3
    rate_end: Annotated[Fraction, Meta(description="and once settled")] = 0.02
    radius_end: Annotated[Positive, Meta(description="cells that move along, once settled")] = 0.8
    settling: Annotated[Count, Meta(description="visits in which radius and rate halve")] = 200
    width_rate: Annotated[Fraction, Meta(description="step of the width of the fields")] = 0.02
    seed: Annotated[int, Meta(ge=0, description="seed of the first map")] = 20260215


@njit(cache=True)
def nearest_cell(cells, x, distance):
    """Cell nearest to a state; fills the squared distances (c,). O(c·d)."""
    best = 0
    for c in range(cells.shape[0]):
        total = 0.0
        for j in range(cells.shape[1]):
            gap = x[j] - cells[c, j]
            total += gap * gap
        distance[c] = total
        if total < distance[best]:
            best = c
    return best


@njit(cache=True)
def visit_place(cells, x, side, rate, radius, distance):
    """Move the cells around the nearest one towards a state, in place; returns that cell. O(c·d)."""
    best = nearest_cell(cells, x, distance)
    row, column = best // side, best % side
    for c in range(cells.shape[0]):
        far = (c // side - row) ** 2 + (c % side - column) ** 2
        step = rate * np.exp(-far / (2.0 * radius * radius))
        if step > 1e-4:
            for j in range(cells.shape[1]):
                cells[c, j] += step * (x[j] - cells[c, j])
    return best


@njit(cache=True)
def _fire(distance, width, out):
    for c in range(out.size):
        out[c] = np.exp(-distance[c] / (2.0 * width))


class PlaceMap:
    r"""An online map of states (d,) on a lattice of place cells with Gaussian fields.

    Cell c fires at :math:`a_c = \exp(-\lVert x - w_c \rVert^2 / 2\sigma^2)`; a visit moves the nearest cell
    and its neighbours on the lattice towards the state,

    .. math:: w_c \leftarrow w_c + \eta_t\, e^{-\lVert u_c - u_{c^*} \rVert^2 / 2 r_t^2}\,(x - w_c)

    with rate and radius that halve every ``settling`` visits down to their ends, so that states near each
    other come to lie near each other on the lattice. :math:`\sigma^2` follows the squared distance of visited
    states from their cells. Specification Part III, section 1.1.3 (it names no method; this is a
    self-organising map).

    Parameters
    ----------
    config : PlaceMapConfig
    size : int
        Length d of a state.

    Notes
    -----
    A visit costs O(side²·d). NaN must not enter.

    Examples
    --------
    >>> places = PlaceMap(PlaceMapConfig(side=4), 2)
    >>> for t in range(400): _ = places.visit(np.array([np.cos(t), np.sin(t)]))
    >>> here, there = places.position(np.array([1.0, 0.0])), places.position(np.array([-1.0, 0.0]))
    >>> bool(np.linalg.norm(here - there) > 1.5)
    True

    References
    ----------
    Kohonen (1982). Self-organized formation of topologically correct feature maps. O'Keefe & Dostrovsky
    (1971) for place cells; Muller & Kubie (1987) for remapping.
    """

    def __init__(self, config: PlaceMapConfig, size: int) -> None:
        if config.rate_end > config.rate_start:
            raise ConfigError(
                "place map: the rate grows", got=config.rate_end, expected="rate_end <= rate_start"
            )
        self.config, self.size = config, size
        self._distance = np.empty(config.side**2)
        self.reset()

    def reset(self) -> None:
        """The first map, not visited yet."""
        self._draw(0)

    def remap(self) -> None:
        """Another map for another world: same fields, places drawn anew."""
        self._draw(self.number + 1)

    def _draw(self, number: int) -> None:
        self.number, self.visits, self.width = number, 0, 1.0
        generator = np.random.Generator(np.random.PCG64([self.config.seed, number]))
        self.cells = generator.uniform(-0.1, 0.1, (self.config.side**2, self.size))

    def __len__(self) -> int:
        return len(self.cells)

    def visit(self, state: np.ndarray) -> int:
        """Learn from a state; returns its cell."""
        config = self.config
        fall = 2.0 ** (-self.visits / config.settling)
        rate = config.rate_end + (config.rate_start - config.rate_end) * fall
        radius = max(config.radius_end, 0.5 * config.side * fall)
        cell = visit_place(self.cells, state, config.side, rate, radius, self._distance)
        share = max(config.width_rate, 1.0 / (1.0 + self.visits))
        self.width += share * (float(self._distance[cell]) - self.width)
        self.visits += 1
        return int(cell)

    def cell(self, state: np.ndarray) -> int:
        """The cell nearest to a state; nothing is learned."""
        return int(nearest_cell(self.cells, state, self._distance))

    def ranked(self, state: np.ndarray) -> np.ndarray:
        """All cells, nearest to the state first, (side²,)."""
        nearest_cell(self.cells, state, self._distance)
        return np.argsort(self._distance, kind="stable")

    def activity(self, state: np.ndarray) -> np.ndarray:
        """How each cell fires, (side²,), the strongest at 1."""
        cell = nearest_cell(self.cells, state, self._distance)
        out = np.empty(len(self))
        _fire(self._distance - self._distance[cell], max(self.width, 1e-12), out)
        return out

    def position(self, state: np.ndarray) -> np.ndarray:
        """Where a state lies on the lattice: mean place of the cells, by activity, (2,) in [0, side - 1]."""
        activity = self.activity(state).reshape(self.config.side, self.config.side)
        along = np.arange(self.config.side)
        total = activity.sum()
        return np.array([activity.sum(axis=1) @ along, activity.sum(axis=0) @ along]) / total

    def state(self) -> dict[str, Any]:
        """Cells and counters."""
        return {"cells": self.cells, "visits": self.visits, "width": self.width, "number": self.number}

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`; raises IntegrityError when the map is of another size."""
        cells = np.asarray(state["cells"])
        if cells.shape != self.cells.shape:
            raise IntegrityError(
                "place map: snapshot does not fit", got=cells.shape, expected=str(self.cells.shape)
            )
        self.cells = cells.copy()
        self.visits, self.width, self.number = (
            int(state["visits"]),
            float(state["width"]),
            int(state["number"]),
        )
