"""The strung-together kernels of a bar do what the pathways do one after the other."""

import numpy as np

from janus_trader.brain.basal_ganglia.go import GoConfig, GoPathway
from janus_trader.brain.basal_ganglia.kernels import drive_step, release_step
from janus_trader.brain.basal_ganglia.no_go import (
    N_REASONS,
    NoGoConfig,
    NoGoPathway,
    combine,
    volatility_ratio,
)
from janus_trader.brain.basal_ganglia.opal import OpalConfig
from janus_trader.brain.basal_ganglia.opal_learner import OpalLearner
from janus_trader.brain.basal_ganglia.patterns import PatternConfig, PatternLearner
from janus_trader.brain.basal_ganglia.strategy_gate import gated_drive

N, K, SIZE = 5, 3, 24
SYMBOLS = tuple("ABCDE")


def test_drive_is_that_of_weights_gate_and_pattern():
    rng = np.random.default_rng(1)
    opal, patterns = (
        OpalLearner(OpalConfig(), np.array([1.0, 1.0, 0.0])),
        PatternLearner(PatternConfig(), SIZE),
    )
    values, active = rng.uniform(-1, 1, (K, N)), np.array([True, False, True])
    posterior, gates = rng.dirichlet(np.ones(7)), rng.random(K)
    table, listed, affinity = rng.random((K, 7)), np.ones((K, N)), rng.random((K, N))
    evidence, context = rng.normal(0, 0.01, N), rng.normal(0, 1, SIZE)
    weights, drive, expected = np.empty(K), np.empty(N), np.empty(N)
    cell = drive_step(
        values, active, posterior, opal.g, opal.n, opal.own, opal.config.beta, 0.2, gates, table, listed,
        affinity, evidence, context, patterns.planes, patterns.centre, patterns.scale, weights, drive,
    )  # fmt: skip
    alone = opal.weights(posterior, 0.2)
    alone[~active] = 0.0
    gated_drive(values, active, alone, gates, table, posterior, listed, affinity, evidence, expected)
    assert weights.tobytes() == alone.tobytes()
    assert drive.tobytes() == expected.tobytes()
    assert cell == patterns.cells(context[None, :], patterns.centre, patterns.scale)[0]


def test_release_is_that_of_both_pathways():
    rng = np.random.default_rng(2)
    one, other = GoPathway(GoConfig(), N), GoPathway(GoConfig(), N)
    no_go_side, slow = NoGoPathway(NoGoConfig(), SYMBOLS), np.zeros(N)
    waited = 0
    for bar in range(200):
        drive, previous = rng.normal(0, 0.08, N), rng.normal(0, 0.1, N)
        strengths = rng.random(N_REASONS) * (rng.random(N_REASONS) < 0.2)
        root = rng.normal(0, 0.01, (N, N))
        covariance, ready, vetoed = root @ root.T, bar > 5, bar % 17 == 0
        no_go, bits, go = np.empty(N), np.empty(N, np.int64), np.empty(N)
        released, waiting = np.empty(N, bool), np.empty(N, bool)
        share, held = release_step(
            strengths, drive, previous, covariance, ready, 0.05, no_go_side.slow, no_go_side.blocked,
            no_go_side.weights, no_go_side.limits, 0.5, vetoed, one.traces, 0.1, one.shift(0.7), one.settings,
            no_go, bits, go, released, waiting,
        )  # fmt: skip
        one.adapt(share)
        ratio, inhibition, reasons = np.zeros(N), np.empty(N), np.empty(N, np.int64)
        if ready:
            volatility_ratio(covariance, slow, 0.05, ratio)
        combine(
            strengths, drive, previous, ratio, no_go_side.blocked, no_go_side.weights, no_go_side.limits,
            inhibition, reasons,
        )  # fmt: skip
        blocked = (inhibition >= 0.5) | vetoed
        activation, out = other.step(drive, previous, inhibition, blocked, 0.1, 0.7)
        assert (no_go.tobytes(), bits.tobytes()) == (inhibition.tobytes(), reasons.tobytes())
        assert (go.tobytes(), released.tobytes()) == (activation.tobytes(), out.tobytes())
        wanted = ~out & (activation >= GoConfig().exit) & (inhibition >= 0.5)
        assert waiting.tolist() == wanted.tolist()
        assert held == wanted.sum()
        waited += held
    assert waited > 10
    assert one.traces.tobytes() == other.traces.tobytes()
