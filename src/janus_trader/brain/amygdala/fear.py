"""Fear: acquired in one bad outcome, extinguished by safe exposure, quick to come back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from janus_trader.contracts.errors import IntegrityError
from janus_trader.contracts.memory import Episode, Episodes
from janus_trader.contracts.regime import N_REGIMES
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.config import Config, Fraction


class FearConfig(Config, frozen=True):
    """Rates of fear learning (mechanisms C.9) and what counts as a bad outcome."""

    acquisition: Annotated[float, Meta(ge=0, le=1, description="alpha_A of the association")] = 0.3
    extinction: Annotated[float, Meta(ge=0, le=1, description="alpha_I of the inhibition")] = 0.1
    decay: Annotated[float, Meta(ge=0, le=1, description="association kept from night to night")] = 0.995
    reinstatement: Annotated[
        float, Meta(ge=0, le=1, description="share of the inhibition one bad outcome removes")
    ] = 0.6
    bad_sigma: Annotated[float, Meta(gt=0, description="a loss beyond so many deviations is bad")] = 2.0
    scale_memory: Annotated[float, Meta(gt=0, lt=1, description="weight of an old squared reward")] = 0.99
    min_episodes: Annotated[int, Meta(ge=1, description="rewards seen before any is called bad")] = 20
    min_exposure: Annotated[
        Fraction, Meta(description="gross exposure below which an episode teaches nothing")
    ] = 0.05
    response_rate: Annotated[
        float, Meta(ge=0, le=1, description="dual step of the response to fear, per episode at full fear")
    ] = 0.1
    harm_budget: Annotated[
        float, Meta(gt=0, lt=1, description="share of bad outcomes among frightened ones that is tolerated")
    ] = 0.05
    response_range: tuple[float, float] = (0.5, 1.3)


FearParameters = dict[str, Any]


def _fresh() -> FearParameters:
    return {
        "association": np.zeros(N_REGIMES),
        "inhibition": np.zeros(N_REGIMES),
        "variance": 0.0,
        "count": 0,
        "last_step": -1,
        "response": 1.0,
    }


def _copy(p: FearParameters) -> FearParameters:
    return {
        "association": np.array(p["association"], dtype=np.float64),
        "inhibition": np.array(p["inhibition"], dtype=np.float64),
        "variance": float(p["variance"]),
        "count": int(p["count"]),
        "last_step": int(p["last_step"]),
        "response": float(p["response"]),
    }


class FearMemory:
    """Fear of each regime: an association A and the inhibition I that extinction builds on top.

    For an episode with posterior ``q`` and a reward below ``-bad_sigma * s`` (``s`` the running
    scale of earlier rewards), with ``g = min(1, |reward| / (2 bad_sigma s))``::

        A <- A + q alpha_A g (1 - A)        I <- I (1 - q rho g)

    for any other episode taken with open positions (safe exposure)::

        I <- I + q alpha_I (A - I)

    and ``A <- decay A`` once a night. Expressed fear is ``clip(q . (A - I), 0, 1)``. Because
    extinction leaves A in place, one reminder that strips I brings fear back higher than the same
    event could first acquire it (reinstatement; Monfils et al. 2009), and learning anew takes fewer trials
    than learning at first (savings; Bouton 2004).

    How strongly fear raises the threat level is learned as well: the response g is the multiplier of the
    constraint that of the exposed outcomes that were feared, weighted by fear, at most a share
    ``harm_budget`` is bad, moved by dual ascent::

        g <- clip(g + response_rate * phi * (1{bad} - harm_budget), response_range)

    so that fear that foretold harm is heeded more and fear that did not is heeded less (the fear-constrained
    update of FNI-RL, He et al. 2024). O(7) per episode.

    Parameters
    ----------
    config : FearConfig

    Examples
    --------
    >>> memory = FearMemory()
    >>> memory.fear(np.full(7, 1 / 7))
    0.0
    """

    def __init__(self, config: FearConfig | None = None) -> None:
        self.config = config or FearConfig()
        self.parameters: FearParameters = _fresh()
        self._expressed = [0.0] * N_REGIMES

    def adopt(self, parameters: FearParameters) -> None:
        """Put parameters in force."""
        self.parameters = _copy(parameters)
        self._expressed = (self.parameters["association"] - self.parameters["inhibition"]).tolist()

    @property
    def response(self) -> float:
        """How strongly fear raises the threat level, 1 before any outcome."""
        return float(self.parameters["response"])

    def fear(self, posterior: np.ndarray | Sequence[float]) -> float:
        """Expressed fear in [0, 1] under a regime posterior (7,)."""
        total = 0.0
        for q, e in zip(posterior, self._expressed, strict=True):
            total += float(q) * e
        return min(1.0, max(0.0, total))

    def learn(self, parameters: FearParameters, episodes: Sequence[Episode]) -> FearParameters:
        """One night: parameters after the episodes that came after ``last_step``, in their order."""
        c, p = self.config, _copy(parameters)
        a, i = p["association"], p["inhibition"]
        batch = Episodes.of(episodes)
        late = np.flatnonzero(batch.step > p["last_step"])
        for j in late[np.unique(batch.step[late], return_index=True)[1]].tolist():
            reward, q = float(batch.reward[j]), np.asarray(batch.posterior[j], np.float64)
            p["last_step"] = int(batch.step[j])
            if not (np.isfinite(reward) and np.isfinite(q).all()):
                continue  # an outcome that is no number teaches nothing
            scale = float(np.sqrt(p["variance"]))
            warm = p["count"] >= c.min_episodes and scale > 0
            exposed = float(np.abs(batch.weights[j].astype(np.float32)).sum()) >= c.min_exposure
            bad = warm and reward < -c.bad_sigma * scale
            if warm and exposed:
                phi = min(1.0, max(0.0, float(q @ (a - i))))
                moved = p["response"] + c.response_rate * phi * (float(bad) - c.harm_budget)
                p["response"] = min(c.response_range[1], max(c.response_range[0], moved))
            if bad:
                g = min(1.0, -reward / (2.0 * c.bad_sigma * scale))
                a += q * c.acquisition * g * (1.0 - a)
                i *= 1.0 - q * c.reinstatement * g
            elif exposed:
                i += q * c.extinction * (a - i)
            if exposed:
                p["count"] += 1
                memory = min(c.scale_memory, 1.0 - 1.0 / p["count"])
                p["variance"] = memory * p["variance"] + (1.0 - memory) * reward**2
        a *= c.decay
        np.minimum(i, a, out=i)
        return p

    def snapshot(self) -> bytes:
        """Parameters as bytes."""
        return pack(self.parameters)

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back. Raises IntegrityError when it is not one."""
        try:
            self.adopt(unpack(raw))
        except (TypeError, KeyError, ValueError) as error:
            raise IntegrityError("not a fear snapshot", got=str(error)) from error

    def reset(self) -> None:
        """Forget everything."""
        self.adopt(_fresh())


class FearLearner:
    """The night's view of the fear memory (see `contracts.protocols.Learner`).

    The score is minus the Brier score of expressed fear as a forecast of a bad outcome on the
    held-back episodes: fear that does not foretell losses scores below no fear at all.
    """

    name = "fear"
    deep_only = False

    def __init__(self, memory: FearMemory) -> None:
        self._memory = memory

    def parameters(self) -> FearParameters:
        """A copy of the parameters in force."""
        return _copy(self._memory.parameters)

    def propose(self, train: Sequence[Episode], rng: np.random.Generator) -> FearParameters | None:
        """Candidate after the new episodes of ``train``; None when there is none."""
        if not (Episodes.of(train).step > self._memory.parameters["last_step"]).any():
            return None
        return self._memory.learn(self._memory.parameters, train)

    def score(self, parameters: FearParameters | None, held_back: Sequence[Episode]) -> float:
        """Minus the mean squared error of fear against what then happened, in [-1, 0]."""
        p = self._memory.parameters if parameters is None else parameters
        if not held_back:
            return 0.0
        batch = Episodes.of(held_back)
        expressed = np.asarray(p["association"]) - np.asarray(p["inhibition"])
        # the scale in force is used for both sides so that a candidate cannot move the goal
        scale = float(np.sqrt(self._memory.parameters["variance"]))
        if scale <= 0.0:
            scale = float(np.sqrt(np.mean(batch.reward**2)))
        limit = -self._memory.config.bad_sigma * scale
        fear = np.clip(batch.posterior @ expressed, 0.0, 1.0)
        bad = batch.reward < limit if scale > 0 else np.zeros(len(batch), dtype=bool)
        return -float(np.mean((fear - bad) ** 2))

    def adopt(self, parameters: FearParameters) -> None:
        """Put a candidate in force."""
        self._memory.adopt(parameters)
