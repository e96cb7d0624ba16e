"""Simulated book markets: messages a second, with agents and without, and the fit of their flows."""

from __future__ import annotations

from typing import Any

from janus_trader.research.bench.work import Case, Work

SECONDS = 600
SMALL_FIT_S = 300.0


def _market(kind: Any, agents: bool, keep: bool) -> Any:
    import numpy as np

    from janus_trader.simulation import book_market as b

    crowd = [
        b.market_maker(), b.market_maker(half_spread=2.0, size=20, skew=0.01), b.momentum(), b.mean_reverting(),
        b.informed(), b.noise(), b.noise(),
    ]  # fmt: skip
    config = b.MarketConfig(n_ticks=16_384, start_price=8_192, keep=keep, log_rows=1 << 19)
    return b.BookMarket(
        b.default_flow(kind), crowd if agents else [], np.random.Generator(np.random.Philox(1)), config
    )


def _case(kind: str, agents: bool, seconds: int = SECONDS) -> Case:
    """Repetitions start from the same opened market, so that all do the same messages."""
    import numpy as np

    from janus_trader.simulation.book_market import copy_state, drive, refill, reset_state
    from janus_trader.simulation.book_market.state import REACHED

    fresh = _market(kind, agents, True).state
    state = copy_state(fresh)

    def ours() -> int:
        reset_state(state, fresh)
        generator = np.random.Generator(np.random.Philox(2))
        refill(state, generator)
        before = int(state.head[0]["messages"])
        status = drive(state, generator, seconds * 1_000_000_000)
        if status != REACHED:
            raise RuntimeError(f"the market stopped with {status}")
        return int(state.head[0]["messages"]) - before

    return Case(ours, ours(), {})


def _step() -> Case:
    """One external agent that looks, quotes and waits for 100 ms, all inside one compiled loop."""
    import numpy as np
    from numba import njit

    from janus_trader.simulation.book_market import (
        MarketConfig,
        copy_state,
        default_flow,
        external,
        new_state,
        open_market,
        reset_state,
    )
    from janus_trader.simulation.book_market.engine import advance, observe, submit
    from janus_trader.simulation.book_market.state import QUOTE, SLOTS

    config = MarketConfig(keep=False, uniforms=1 << 20)
    fresh = open_market(
        new_state(default_flow(), [external()], config), np.random.Generator(np.random.Philox(1))
    )
    state, out = copy_state(fresh), np.zeros(4 * 5 + 6 + 3 * SLOTS)
    steps = 2_000

    @njit(cache=False, nogil=True)
    def loop(state, out, steps):  # type: ignore[no-untyped-def]
        for k in range(steps):
            observe(state, 1, 5, out)
            submit(state, 1, QUOTE, k & 1, k & 1, int(out[0]) if k & 1 == 0 else int(out[2]), 5)
            advance(state, (k + 1) * 100_000_000, -1)

    def ours() -> float:
        reset_state(state, fresh)
        loop(state, out, steps)
        return float(out[20])

    return Case(ours, steps, {})


def _fit(kind: Any) -> Case:
    from janus_trader.simulation.book_market import fit_flow

    recording = _market("queue_reactive", False, True).run(seconds=SMALL_FIT_S).recording()
    return Case(lambda: fit_flow(recording, kind).events, len(recording.messages), {})


_CROWD = "two market makers, momentum, mean-reverting, informed, two noise traders"

WORKS = (
    Work(
        "simulation.queue_reactive.agents",
        f"{SECONDS} s of a queue-reactive market with seven agents ({_CROWD}); a message is what reaches the order "
        "book; drawing, deciding, latency, matching, accounts and logs included; goal 5 M messages a second "
        "(ABIDES, in Python, publishes 42,000)",
        "message",
        lambda: _case("queue_reactive", True),
        goal_ns=200.0,
        growth=lambda n: _case("queue_reactive", True, n),
        sizes=(150, 300, 600),
    ),
    Work(
        "simulation.queue_reactive.flow", f"the same without agents, {SECONDS} s", "message",
        lambda: _case("queue_reactive", False), goal_ns=200.0,
    ),
    Work(
        "simulation.hawkes.agents", f"{SECONDS} s of a Hawkes market with the seven agents", "message",
        lambda: _case("hawkes", True), goal_ns=200.0,
    ),
    Work(
        "simulation.step", "an outside agent observes five levels, quotes, and the market runs 100 ms (about 36 "
        "messages), in a compiled loop", "step", _step,
    ),
    Work(
        "simulation.fit.queue_reactive", f"fit of a queue-reactive flow to {SMALL_FIT_S:.0f} s of messages", "message",
        lambda: _fit("queue_reactive"),
    ),
)  # fmt: skip
