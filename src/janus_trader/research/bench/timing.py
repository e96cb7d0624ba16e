"""Times of several callables, interleaved, so that a change of the machine's speed hits all alike."""

from __future__ import annotations

import gc
import math
import random
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Timing(NamedTuple):
    """Seconds of one repetition: median, and the quantiles 0.1 and 0.9."""

    median: float
    low: float
    high: float


def _once(call: Callable[[], Any], loops: int) -> float:
    began = time.perf_counter()
    for _ in range(loops):
        call()
    return (time.perf_counter() - began) / loops


def interleave(
    calls: Mapping[str, Callable[[], Any]],
    *,
    seconds: float = 1.0,
    least: int = 5,
    most: int = 200,
    sample_seconds: float = 1e-3,
    seed: int = 0,
) -> dict[str, Timing]:
    """Median times of several callables, in rounds of random order, garbage collection off.

    Parameters
    ----------
    calls : mapping of name to callable
        Each is called once before, to warm it.
    seconds : float
        Aim for the whole measurement; at least ``least`` and at most ``most`` rounds are made.
    sample_seconds : float
        A call that is shorter is repeated within a round until it lasts about this long.

    Examples
    --------
    >>> times = interleave({"a": lambda: sum(range(50)), "b": lambda: None}, seconds=0.01)
    >>> times["a"].median > times["b"].median > 0
    True
    """
    loops = {}
    total = 0.0
    for name, call in calls.items():
        call()
        first = _once(call, 1)
        loops[name] = max(1, min(100_000, math.ceil(sample_seconds / max(first, 1e-9))))
        total += max(first, 1e-9) * loops[name]
    rounds = max(least, min(most, round(seconds / total)))
    samples: dict[str, list[float]] = {name: [] for name in calls}
    order, draw = list(calls), random.Random(seed)
    collecting = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            draw.shuffle(order)
            for name in order:
                samples[name].append(_once(calls[name], loops[name]))
    finally:
        if collecting:
            gc.enable()
    return {name: _summary(values) for name, values in samples.items()}


def _summary(values: list[float]) -> Timing:
    ranked = sorted(values)
    last = len(ranked) - 1
    return Timing(statistics.median(ranked), ranked[round(0.1 * last)], ranked[round(0.9 * last)])
