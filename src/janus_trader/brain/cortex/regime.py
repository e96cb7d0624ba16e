"""Fusion of the voters into one posterior, and the regime in force after hysteresis."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.brain.cortex.feature_row import softmax_into
from janus_trader.contracts.errors import IntegrityError
from janus_trader.contracts.regime import N_REGIMES, Regime
from janus_trader.foundation.config import Config, Count, Fraction, NonNegative

#: The voters, in the order of every vote array.
VOTERS: tuple[str, ...] = ("schemas", "statistical", "technical", "hmm")
_HMM = VOTERS.index("hmm")


class EnsembleConfig(Config, frozen=True):
    """Weights of the voters, smoothing and hysteresis.

    Indicators together weigh 0.6 and the HMM 0.4 (mechanisms C.9), as do the bonus and malus of their
    agreement, the stability of 3 and the minimum duration of 5 bars; smoothing is that of C.3.
    """

    schema_weight: NonNegative = 0.3
    statistical_weight: NonNegative = 0.1
    technical_weight: NonNegative = 0.2
    hmm_weight: NonNegative = 0.4
    agree_gain: Annotated[NonNegative, Meta(description="sharpening where HMM and indicators agree")] = 0.15
    disagree_loss: Annotated[Fraction, Meta(description="flattening where they do not")] = 0.2
    smoothing: Annotated[
        float, Meta(gt=0, le=1, description="weight of the new bar while no change is suspected")
    ] = 0.1
    forecast_weight: Annotated[
        Fraction, Meta(description="share of the chain's forecast in the belief a bar starts from")
    ] = 0.0
    uniform_floor: Annotated[Fraction, Meta(description="mass always spread evenly")] = 0.02
    cold_ranging: Annotated[Fraction, Meta(description="extra Ranging mass before anything is known")] = 0.1
    min_duration: Annotated[Count, Meta(description="bars a regime stays in force at least")] = 5
    stability: Annotated[Count, Meta(description="bars in a row a challenger must lead")] = 3
    switch_margin: Annotated[Fraction, Meta(description="lead in mass a challenger needs")] = 0.05


ENSEMBLE_DTYPE = np.dtype(
    [
        ("posterior", "f8", (N_REGIMES,)),
        ("n", "i8"),
        ("dominant", "i8"),
        ("age", "i8"),
        ("challenger", "i8"),
        ("lead", "i8"),
        ("agreement", "f8"),
    ],
    align=True,
)


@njit(cache=True)
def _temper(p: np.ndarray, power: float) -> None:
    logits = np.empty(p.shape[0])
    for k in range(p.shape[0]):
        logits[k] = power * np.log(max(p[k], 1e-12))
    softmax_into(logits, p)


@njit(cache=True)
def overlap(votes: np.ndarray, coverage: np.ndarray) -> float:
    """Mean over pairs of present voters of ``sum_k min(p_k, q_k)``, in [0, 1]; 0 with fewer than two."""
    total, pairs = 0.0, 0
    for i in range(votes.shape[0]):
        for j in range(i):
            if coverage[i] > 0.0 and coverage[j] > 0.0:
                for k in range(votes.shape[1]):
                    total += min(votes[i, k], votes[j, k])
                pairs += 1
    return total / pairs if pairs > 0 else 0.0


@njit(cache=True)
def _argmax(p: np.ndarray) -> int:
    best = 0
    for k in range(1, p.shape[0]):
        if p[k] > p[best]:
            best = k
    return best


@njit(cache=True)
def _fuse(votes: np.ndarray, weight: np.ndarray, hmm: int, up: float, down: float, out: np.ndarray) -> None:
    # weighted mean of the present voters, sharpened or flattened by HMM and indicators agreeing
    others = np.zeros(out.shape[0])
    total = 0.0
    out[:] = 0.0
    for v in range(votes.shape[0]):
        total += weight[v]
        for k in range(out.shape[0]):
            out[k] += weight[v] * votes[v, k]
            if v != hmm:
                others[k] += weight[v] * votes[v, k]
    for k in range(out.shape[0]):
        out[k] /= total
    if weight[hmm] > 0.0 and total > weight[hmm]:
        agree = _argmax(others) == _argmax(votes[hmm])
        _temper(out, 1.0 + up if agree else 1.0 - down)


@njit(cache=True)
def _hysteresis(s, min_duration: int, stability: int, margin: float) -> None:  # type: ignore[no-untyped-def]
    p = s["posterior"]
    best = _argmax(p)
    s["age"] += 1
    if best == s["dominant"] or p[best] - p[s["dominant"]] < margin:
        s["lead"] = 0
        return
    s["lead"] = s["lead"] + 1 if best == s["challenger"] and s["lead"] > 0 else 1
    s["challenger"] = best
    if s["lead"] >= stability and s["age"] > min_duration:
        s["dominant"], s["age"], s["lead"] = best, 0, 0


@njit(cache=True)
def ensemble_step(
    states: np.ndarray,
    votes: np.ndarray,
    coverage: np.ndarray,
    weights: np.ndarray,
    change: float,
    cold: np.ndarray,
    c: np.ndarray,
    min_duration: int,
    stability: int,
    forecast: np.ndarray,
) -> None:
    """One bar: fuse ``votes`` (4, 7) with their ``coverage`` (4,) into the posterior of the state.

    ``p <- (1 - g) p' + g fused`` with gain ``g = a + (1 - a) P(change)``: the old belief is kept while
    the series goes on as before and dropped when a change point is likely; the first bars average. The old
    belief is first carried one bar on, ``p' = (1 - w) p + w p T``, by the ``forecast`` p T (7,) of the Markov
    chain (eq. 44): what a filter does between two observations. w is ``c[5]``.
    """
    s = states[0]
    p = s["posterior"]
    if s["n"] == 0:
        p[:] = cold
    else:
        for k in range(p.shape[0]):
            p[k] += c[5] * (forecast[k] - p[k])
    effective = weights * coverage
    total = effective.sum()
    fused = np.empty(p.shape[0])
    if total > 0.0:
        _fuse(votes, effective, votes.shape[0] - 1, c[0], c[1], fused)
        s["n"] += 1
        gain = max(c[2], 1.0 / (1.0 + s["n"]))
    else:
        fused[:] = cold
        gain = c[2]
    gain += (1.0 - gain) * change
    norm = 0.0
    for k in range(p.shape[0]):
        mixed = (1.0 - gain) * p[k] + gain * fused[k]
        p[k] = (1.0 - c[3]) * mixed + c[3] / p.shape[0]
        norm += p[k]
    for k in range(p.shape[0]):
        p[k] /= norm
    s["agreement"] = overlap(votes, coverage)
    _hysteresis(s, min_duration, stability, c[4])


class RegimeEnsemble:
    """Posterior over the seven regimes and the dominant one.

    Before any voter has spoken the posterior is nearly uniform with a little more mass on Ranging.
    A challenger takes over when it leads by ``switch_margin`` for ``stability`` bars and the regime in
    force has lasted ``min_duration`` bars. O(4 * 7) a bar.

    Parameters
    ----------
    config : EnsembleConfig

    Examples
    --------
    >>> ensemble = RegimeEnsemble()
    >>> ensemble.update(np.full((4, 7), 1 / 7), np.zeros(4), change=0.0)
    >>> Regime(ensemble.dominant).name, round(float(ensemble.posterior.sum()), 12)
    ('RANGING', 1.0)
    """

    def __init__(self, config: EnsembleConfig | None = None) -> None:
        self.config = config or EnsembleConfig()
        c = self.config
        self._weights = np.array([c.schema_weight, c.statistical_weight, c.technical_weight, c.hmm_weight])
        self._c = np.array(
            [c.agree_gain, c.disagree_loss, c.smoothing, c.uniform_floor, c.switch_margin, c.forecast_weight]
        )
        self._cold = np.full(N_REGIMES, (1.0 - c.cold_ranging) / N_REGIMES)
        self._cold[Regime.RANGING] += c.cold_ranging
        self.reset()

    def update(
        self, votes: np.ndarray, coverage: np.ndarray, change: float, forecast: np.ndarray | None = None
    ) -> None:
        """Take in votes (4, 7), their coverage (4,) in [0, 1], the change probability and the forecast (7,)
        made a bar ago (None: the belief itself)."""
        c = self.config
        ensemble_step(
            self._state,
            votes,
            coverage,
            self._weights,
            change,
            self._cold,
            self._c,
            c.min_duration,
            c.stability,
            self.posterior if forecast is None else forecast,
        )

    @property
    def posterior(self) -> np.ndarray:
        """Regime probabilities (7,); a view."""
        return self._posterior

    @property
    def dominant(self) -> int:
        """Number of the regime in force."""
        return int(self._dominant[0])

    @property
    def age(self) -> int:
        """Bars since the dominant regime changed."""
        return int(self._age[0])

    @property
    def agreement(self) -> float:
        """Mean pairwise overlap of the present voters."""
        return float(self._agreement[0])

    def _hold(self, state: np.ndarray) -> None:
        """Put a state in force, and views of what is read of it every bar: finding a field takes longer."""
        self._state, self._posterior = state, state["posterior"][0]
        self._dominant, self._age, self._agreement = state["dominant"], state["age"], state["agreement"]

    def reset(self) -> None:
        """Back to knowing nothing."""
        self._hold(np.zeros(1, ENSEMBLE_DTYPE))
        self._state["posterior"] = self._cold
        self._state["dominant"] = Regime.RANGING
        self._state["challenger"] = Regime.RANGING

    def snapshot(self) -> bytes:
        """State as bytes."""
        return self._state.tobytes()

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back. Raises IntegrityError when the size is wrong."""
        if len(raw) != ENSEMBLE_DTYPE.itemsize:
            raise IntegrityError(
                "ensemble snapshot does not fit", got=len(raw), expected=f"{ENSEMBLE_DTYPE.itemsize} bytes"
            )
        self._hold(np.frombuffer(raw, ENSEMBLE_DTYPE).copy())
