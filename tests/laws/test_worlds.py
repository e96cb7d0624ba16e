"""Two worlds attack the claim to learn: one without any signal, one with a known future."""

import numpy as np
import pytest

from support.lives import history, live

SYMBOLS = ("AAPL", "BAC", "GE", "JNJ", "KO", "MSFT", "PG", "XOM")
SPAN = {"start": "2004-01-02", "end": "2005-12-30", "symbols": SYMBOLS}


def returns(records, first=0):
    equity = np.array([r.equity for r in records[first:]])
    return equity[1:] / equity[:-1] - 1.0


def leaked(seed, tmp_path, *settings):
    past = history(**SPAN, world="leaked", seed=seed)
    plain = history(**SPAN, world="real", seed=seed)
    records = live(tmp_path / f"leaked-{seed}-{len(settings)}", past, *settings, seed=seed)
    signal = past.panel.external[:-2, 0]
    later = plain.panel.bars["close"][2:] / plain.panel.bars["close"][1:-1] - 1.0
    sign = np.sign(np.corrcoef(signal.ravel(), later.ravel())[0, 1])
    return records, sign


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_a_leak_pays_only_after_learning_and_its_sign_is_found(seed, tmp_path):
    learned, sign = leaked(seed, tmp_path)
    ignorant, _ = leaked(seed, tmp_path, "sleep.enabled=false")
    weight = learned[-1].decision.action.source_weights[-1]
    assert learned[-1].decision.signals.names[-1].startswith("external")
    assert np.sign(weight) == sign
    assert abs(weight) > 0.3
    assert all(r.decision.action.source_weights[-1] == 0.0 for r in ignorant)
    half = len(learned) // 2
    gain = returns(learned, half).mean() - returns(ignorant, half).mean()
    assert gain * 252 > 0.10


def test_both_signs_occur_among_the_seeds(tmp_path):
    past = [history(**SPAN, world="leaked", seed=s) for s in range(4)]
    later = past[0].panel.bars["close"][2:] / past[0].panel.bars["close"][1:-1] - 1.0
    signs = {np.sign(np.corrcoef(p.panel.external[:-2, 0].ravel(), later.ravel())[0, 1]) for p in past}
    assert signs == {-1.0, 1.0}


def test_only_the_world_generator_knows_the_leak():
    from pathlib import Path

    import janus_trader

    root = Path(janus_trader.__file__).parent
    knowing = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        if "leaked" in path.read_text() and path.name not in {"worlds.py"}
    }
    assert knowing <= {"runs/history.py", "runs/schema.py", "cli/lives.py", "cli/warm_command.py"}


@pytest.mark.slow
def test_without_signal_excess_return_is_zero_within_its_interval(tmp_path):
    """24 worlds drawn from 24 different spans, so that none repeats the serial dependence of another.

    Before costs, because costs are a sure loss. What dependence there is within a block of 21 bars is left in by
    the world: the interval is that over the spans.
    """
    means = []
    for seed in range(24):
        span = {"start": f"{1991 + seed}-01-02", "end": f"{1992 + seed}-03-31"}
        past = history(**span, symbols=SYMBOLS, world="shuffled", seed=seed)
        records = live(tmp_path / str(seed), past, "costs.multiplier=0.0", seed=seed)
        means.append(returns(records).mean() * 252)
    mean, error = np.mean(means), np.std(means, ddof=1) / np.sqrt(len(means))
    assert abs(mean) < 2.4 * error, (mean, error)
