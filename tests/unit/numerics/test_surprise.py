import numpy as np
import pytest
from scipy import stats

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.surprise import SURPRISE_DTYPE, Surprise, surprises_into


def test_agrees_with_explicit_weights(rng):
    xs, d = rng.standard_normal(40), 0.1
    got = Surprise(d, 5).transform(xs)
    for t in range(6, 40):
        past = xs[:t]
        w = d * (1 - d) ** np.arange(t)[::-1]
        w[0] /= d
        mean = w @ past
        deviation = np.sqrt(w @ (past - mean) ** 2)
        wanted = 1 - 2 * stats.norm.sf(abs(xs[t] - mean) / deviation)
        assert got[t] == pytest.approx(wanted, abs=1e-9)


def test_is_about_uniform_on_independent_normals(rng):
    s = Surprise(0.01, 200).transform(rng.standard_normal(5000))[200:]
    assert stats.kstest(s, "uniform").statistic < 0.05


def test_a_move_off_a_constant_past_surprises_wholly():
    s = Surprise(0.1, 2).transform(np.array([5.0, 5.0, 5.0, 6.0]))
    assert s[1:].tolist() == [0.0, 0.0, 1.0]


def test_many_at_once_and_the_missing_are_zero():
    states, out = np.zeros(3, SURPRISE_DTYPE), np.empty(3)
    for t in range(30):
        surprises_into(states, np.array([t % 2, np.nan, 1.0]), 0.1, 10, out)
        assert out[1] == 0.0
    single = Surprise(0.1, 10).transform(np.arange(30.0) % 2)[-1]
    assert out[0] == single
    assert states["n"].tolist() == [30, 0, 30]


def test_bad_parameters_are_refused():
    for bad in ({"decay": 0.0}, {"decay": 1.0}, {"warmup": 1}):
        with pytest.raises(ConfigError):
            Surprise(**bad)
