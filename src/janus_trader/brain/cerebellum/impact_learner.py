"""The night's refit of the cost model to the fills of the days before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from janus_trader.brain.cerebellum.fill_memory import design
from janus_trader.contracts.memory import Episode, Episodes

if TYPE_CHECKING:
    from janus_trader.brain.cerebellum.cerebellum import Cerebellum

#: ``base_bps``, ``per_sigma`` and ``per_impact``, all >= 0.
ImpactParameters = dict[str, float]

_KEYS = ("base_bps", "per_sigma", "per_impact")


def fit_costs(fills: np.ndarray, prior: np.ndarray, ridge: float, reference: float) -> np.ndarray:
    r"""Non-negative ridge fit of realised costs, (3,).

    .. math:: \min_{\theta\ge 0}\; \tfrac1m\|X\theta - y\|^2 + \lambda\,\|D(\theta-\theta_0)\|^2

    with :math:`D` the root mean squares of the columns of :math:`X`, so that the pull does not depend on
    units. Solved as one non-negative least squares problem. O(m).

    Parameters
    ----------
    fills : (m,) array of `FILL_DTYPE`, m >= 1
    prior : (3,) array
    ridge : float
        :math:`\lambda` > 0.
    reference : float
        Value at which impact is quoted.
    """
    from scipy.optimize import nnls

    x = design(fills, reference) / np.sqrt(len(fills))
    scale = np.sqrt(ridge * np.maximum((x * x).sum(axis=0), 1e-12))
    stacked = np.vstack([x, np.diag(scale)])
    wanted = np.concatenate([fills["bps"] / np.sqrt(len(fills)), scale * prior])
    theta, _ = nnls(stacked, wanted)
    return theta


class ImpactLearner:
    """Learner "impact" (see `contracts.protocols.Learner`): light, every night.

    Trains on the fills up to the last training episode, scores minus the mean absolute error in basis
    points over the fills within the span of the held-back episodes; 0 for any parameters where there
    are none, so that nothing can look better unseen.
    """

    name = "impact"
    deep_only = False

    def __init__(self, cerebellum: Cerebellum) -> None:
        self._cerebellum = cerebellum

    def parameters(self) -> ImpactParameters:
        """A copy of the coefficients in force."""
        return self._cerebellum.parameters_in_force

    def propose(self, train: Sequence[Episode], rng: np.random.Generator) -> ImpactParameters | None:
        """Coefficients fitted to the fills known by the last episode; None when there are too few."""
        if not train:
            return None
        config = self._cerebellum.config
        fills = self._cerebellum.memory.between(0, int(Episodes.of(train).ts_event.max()))
        if len(fills) < config.min_fills:
            return None
        prior = np.array([config.prior_bps, 0.0, 0.0])
        theta = fit_costs(fills, prior, config.ridge, config.reference_value)
        return {key: float(value) for key, value in zip(_KEYS, theta, strict=True)}

    def score(self, parameters: ImpactParameters | None, held_back: Sequence[Episode]) -> float:
        """Minus the mean absolute error of the uncorrected forecast, in basis points."""
        if not held_back:
            return 0.0
        times = Episodes.of(held_back).ts_event
        first, last = int(times.min()), int(times.max())
        fills = self._cerebellum.memory.between(first, last)
        if not len(fills):
            return 0.0
        p = self.parameters() if parameters is None else parameters
        theta = np.array([p[key] for key in _KEYS])
        forecast = (design(fills, self._cerebellum.config.reference_value) * theta).sum(axis=1)
        return -float(np.mean(np.abs(forecast - fills["bps"])))

    def adopt(self, parameters: ImpactParameters) -> None:
        """Put a candidate in force."""
        self._cerebellum.adopt(parameters)
