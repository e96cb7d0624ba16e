"""Lives without a market: what each configuration earns is known."""

import os
import time

import numpy as np

from janus_trader.research.ablation.lives import DailySeries, history_of

DAY_NS = 86_400 * 10**9


def series(returns, costs=None, turnover=None, first=0):
    n = len(returns)
    zero = np.zeros(n)
    return DailySeries(
        ts=(first + np.arange(n)) * DAY_NS,
        returns=np.asarray(returns),
        costs=zero if costs is None else costs,
        turnover=zero if turnover is None else turnover,
        days_per_year=252.0,
    )


def planted_life(task, tell):
    """Days of the asked history; without the amygdala less is earned, without the visual cortex the same."""
    panel = history_of(task.request).panel
    n = len(panel) - 1
    common = np.random.default_rng(1).normal(0.0005, 0.01, n)
    own = np.random.default_rng(100 + task.request.seed).normal(0.0, 0.001, n)
    neutral = task.config["brain"]["neutral"]
    returns = (
        common + own - (0.0015 if "amygdala" in neutral else 0.0) + (0.002 if "cortex" in neutral else 0.0)
    )
    if "thalamus" in neutral:  # other chance, nothing else
        returns = common + np.random.default_rng(200 + task.request.seed).normal(0.0, 0.003, n)
    costs = np.full(n, 2e-5 if "cerebellum" in neutral else 1e-5)
    tell(0.5)
    return DailySeries(panel.ts[1:], returns, costs, np.full(n, 0.05), 252.0)


def slow_life(task, tell):
    """The same, as slow as ``PLANTED_S`` says, with a line for each life that was lived."""
    deadline = time.monotonic() + float(os.environ["PLANTED_S"])
    while time.monotonic() < deadline:
        time.sleep(0.02)
        tell(0.1)
    with open(os.environ["PLANTED_LOG"], "a") as log:
        log.write(f"{task.name}\n")
    return planted_life(task, tell)


def square(task, tell):
    tell(0.5)
    return task * task


def fails_at_two(task, tell):
    from janus_trader.contracts.errors import DataError

    if task == 2:
        raise DataError("two is no number", got=task, remedy="take another")
    return task


def threads(task, tell):
    from threadpoolctl import threadpool_info

    return [pool["num_threads"] for pool in threadpool_info()]


def endless(task, tell):
    while True:
        time.sleep(0.01)
        tell(0.0)


def dies(task, tell):
    os._exit(9)
