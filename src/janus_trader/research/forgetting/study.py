r"""How much of regime A is lost by learning regime B: every ordered pair of the seven, over seeds.

For a learner, seed s and pair (A, B), with the learner's own score on days of A that nothing was trained on,

.. math:: \text{learned}_s(A) = R_s(A \mid A) - R_s(A \mid \emptyset), \qquad
          \text{lost}_s(A, B) = R_s(A \mid A) - R_s(A \mid A, B), \qquad
          F(A, B) = \frac{1}{S} \sum_s \text{lost}_s(A, B) / \sigma

with σ the standard deviation over seeds of what was learned, pooled over the regimes,
:math:`\sigma^2 = \frac17 \sum_A \mathrm{Var}_s\, \text{learned}_s(A)`. F > 0: something was lost. Backward
transfer, :math:`R(A \mid A, B) - R(A \mid A)` in the unit of the score, is the same with the other sign.

Intervals are 95 % bootstrap over seeds, which are independent of each other; of S seeds S - 1 are drawn, which
makes the variance of their mean the unbiased one, and the percentiles are spread by t over z at S - 1 degrees of
freedom, as six seeds know their own variance badly (Hesterberg's expanded percentiles).

References
----------
Lopez-Paz & Ranzato (2017), Gradient episodic memory for continual learning; Hesterberg (2015), What teachers
should know about the bootstrap, The American Statistician 69.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from scipy.special import ndtri, stdtrit

from janus_trader import __version__
from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError
from janus_trader.contracts.message import Message
from janus_trader.contracts.regime import Regime
from janus_trader.foundation.environment import environment_fingerprint
from janus_trader.foundation.files import write_atomic
from janus_trader.foundation.rng import Rng
from janus_trader.research.ablation.store import source_fingerprint
from janus_trader.research.ablation.workers import Progress, Stop, each_result
from janus_trader.research.forgetting.protocol import SeedTask, live_seed
from janus_trader.runs.settings import LifeConfig

SAMPLES = 4000
_ARMS = ("with", "without")


class ForgettingRequest(Message, frozen=True):
    """Everything that determines a study, apart from the configuration.

    ``days`` are learned from in each regime, ``held_out`` are judged, ``warm`` come before; a night follows every
    ``every`` days. ``regimes`` in the order of `Regime`; empty: all seven.
    """

    seeds: int = 6
    days: int = 252
    held_out: int = 252
    warm: int = 252
    every: int = 5
    instruments: int = 5
    regimes: tuple[str, ...] = ()

    @property
    def numbers(self) -> tuple[int, ...]:
        """The regimes as numbers."""
        names = [r.name.lower() for r in Regime]
        for name in self.regimes:
            if name not in names:
                raise ConfigError(f"no regime {name!r}", got=name, expected="one of " + ", ".join(names))
        return tuple(i for i, name in enumerate(names) if not self.regimes or name in self.regimes)


def _checked(request: ForgettingRequest) -> None:
    if request.seeds < 2:
        raise ConfigError("an interval over seeds needs two of them", got=request.seeds, expected=">= 2")
    if len(request.numbers) < 2:
        raise ConfigError("a pair needs two regimes", got=", ".join(request.regimes))
    if request.days < 60 or request.held_out < 20 or request.warm < 1 or request.every < 1:
        raise ConfigError(
            "too little to learn or to judge by",
            got=f"{request.days} days, {request.held_out} held out, a night every {request.every}",
            expected="60 days or more, 20 held out or more",
        )


def forgetting_study(
    request: ForgettingRequest,
    config: LifeConfig | None = None,
    *,
    out: Path | str | None = None,
    jobs: int = 2,
    progress: Progress | None = None,
    stop: Stop | None = None,
) -> dict[str, Any]:
    """Live every seed that is not there yet, keep each, and sum up.

    Parameters
    ----------
    request : ForgettingRequest
    config : LifeConfig, optional
    out : path, optional
        Directory in which each finished seed is kept; the same request goes on there.
    jobs : int
        Processes.

    Raises
    ------
    ConfigError
        Too few seeds, regimes or days.
    DataError
        The directory holds another study.
    Stopped
        ``stop()`` became true; the finished seeds are kept where there is an ``out``.
    """
    _checked(request)
    config = config or LifeConfig()
    tasks = [
        SeedTask(
            seed,
            request.numbers,
            msgspec.to_builtins(config),
            request.days,
            request.held_out,
            request.warm,
            request.every,
            request.instruments,
        )
        for seed in range(request.seeds)
    ]
    found: dict[int, dict[str, Any]] = {}
    files = _files(request, config, out, len(tasks))
    for number, file in enumerate(files):
        if file is not None and file.is_file():
            found[number] = _read(file)
    todo = [number for number in range(len(tasks)) if number not in found]

    def tell(share: float) -> None:
        if progress is not None:
            progress((len(tasks) - len(todo) + share * len(todo)) / len(tasks))

    for index, result in each_result(
        live_seed, [tasks[number] for number in todo], jobs=jobs, progress=tell, stop=stop
    ):
        number = todo[index]
        found[number] = result
        file = files[number]
        if file is not None:
            write_atomic(file, msgspec.json.format(msgspec.json.encode(result), indent=1), durable=True)
    return summed_up(request, [found[number] for number in range(len(tasks))])


def _files(
    request: ForgettingRequest, config: LifeConfig, out: Path | str | None, count: int
) -> list[Path | None]:
    """Where each seed is kept: named by everything that determines it but the number of seeds."""
    if out is None:
        return [None] * count
    path = Path(out)
    if path.exists() and not path.is_dir():
        raise DataError(f"{path} is a file", expected="a directory")
    foreign = [p.name for p in path.iterdir() if not p.name.startswith("seed-")] if path.is_dir() else []
    if foreign:
        raise DataError(
            f"{path} holds something else",
            got=foreign[0],
            expected="a new directory or one of `janus forget`",
        )
    path.mkdir(parents=True, exist_ok=True)
    told = msgspec.structs.replace(request, seeds=0)
    facts = (
        msgspec.json.encode(told, order="deterministic"),
        config.fingerprint,
        environment_fingerprint(),
        source_fingerprint(),
    )
    key = hashlib.sha256(repr(facts).encode()).hexdigest()[:16]
    return [path / f"seed-{number:03d}-{key}.json" for number in range(count)]


def _read(file: Path) -> dict[str, Any]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise IntegrityError(f"{file} is damaged", got=str(error), remedy="delete it") from error


# ---------------------------------------------------------------------- the sums


def interval(values: np.ndarray, generator: np.random.Generator) -> dict[str, float]:
    """Mean over seeds (S,) with its 95 % interval.

    >>> interval(np.array([1.0, 1.0]), np.random.default_rng(0))
    {'value': 1.0, 'low': 1.0, 'high': 1.0}
    """
    drawn = generator.integers(0, len(values), (SAMPLES, max(1, len(values) - 1)))
    mean = float(values.mean())
    factor = float(stdtrit(max(1, len(values) - 1), 0.975) / ndtri(0.975))
    low, high = mean + factor * (np.percentile(values[drawn].mean(axis=1), [2.5, 97.5]) - mean)
    return {"value": mean, "low": float(low), "high": float(high)}


def summed_up(request: ForgettingRequest, seeds: list[dict[str, Any]]) -> dict[str, Any]:
    """The study of all seeds; a learner that never adopted anything has nothing to forget and is left out."""
    generator = Rng(0).child("research.forgetting.intervals").generator()
    names = [Regime(r).name.lower() for r in request.numbers]
    adopted = {name for seed in seeds for name in seed["adopted"]}
    known = [name for name in seeds[0]["rows"][0]["untaught"] if name in adopted]
    learners = {}
    for name in known:
        told = _learner(name, names, seeds, generator)
        if told is not None:
            learners[name] = told
    return {
        "version": __version__,
        "request": msgspec.to_builtins(request),
        "regimes": names,
        "pairs": len(names) * (len(names) - 1),
        "learners": learners,
    }


def _learner(
    name: str, regimes: list[str], seeds: list[dict[str, Any]], generator: np.random.Generator
) -> dict[str, Any] | None:
    """One learner's sums; None where its score is no number or what it learned never varies."""
    r, s = len(regimes), len(seeds)
    learned = np.zeros((s, r))
    lost = {arm: np.full((s, r, r), np.nan) for arm in _ARMS}
    new = {arm: np.full((s, r, r), np.nan) for arm in _ARMS}
    for i, seed in enumerate(seeds):
        for a, row in enumerate(seed["rows"]):
            learned[i, a] = row["taught"][name] - row["untaught"][name]
            for other, pair in row["pairs"].items():
                b = regimes.index(other)
                for arm in _ARMS:
                    lost[arm][i, a, b] = row["taught"][name] - pair[arm][name]
                    new[arm][i, a, b] = pair[f"new_{arm}"][name] - pair["new_before"][name]
    unit = float(np.sqrt(np.mean(np.var(learned, axis=0, ddof=1))))
    if not np.isfinite(unit) or unit <= 0.0:
        return None
    each = {arm: np.nanmean(lost[arm], axis=(1, 2)) for arm in _ARMS}
    told: dict[str, Any] = {
        "unit": unit,
        "learned": interval(learned.mean(axis=1), generator),
        "learned_by_regime": dict(zip(regimes, learned.mean(axis=0).tolist(), strict=True)),
    }
    for arm in _ARMS:
        told[arm] = {
            "forgetting": interval(each[arm] / unit, generator),
            "backward_transfer": interval(-each[arm], generator),
            "new_learned": interval(np.nanmean(new[arm], axis=(1, 2)), generator),
            "pairs": [
                [None if a == b else interval(lost[arm][:, a, b] / unit, generator) for b in range(r)]
                for a in range(r)
            ],
        }
    told["saved_by_replay"] = interval((each["without"] - each["with"]) / unit, generator)
    return told


def verdict(cell: dict[str, float]) -> str:
    """What an interval of replay's saving says.

    >>> verdict({"value": 0.4, "low": 0.1, "high": 0.7}), verdict({"value": 0.1, "low": -0.1, "high": 0.3})
    ('replay saves some of it', 'no difference')
    """
    if cell["low"] > 0.0:
        return "replay saves some of it"
    if cell["high"] < 0.0:
        return "replay loses more"
    return "no difference"
