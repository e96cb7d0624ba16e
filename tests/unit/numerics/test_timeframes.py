import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.timeframes import Timeframes


def test_agrees_with_its_definition(rng):
    p = 50.0 * np.exp(np.cumsum(rng.standard_normal(100) * 0.02))
    got = Timeframes((2, 7, 30)).transform(p)
    for t in range(30, 100):
        log = np.log(p[: t + 1])
        sigma = np.sqrt(np.mean(np.diff(log)[-30:] ** 2))
        z = [(log[-1] - log[-1 - h]) / (sigma * np.sqrt(h)) for h in (2, 7, 30)]
        np.testing.assert_allclose(got[t, :3], np.tanh(z), atol=1e-10)
        assert got[t, 3] == pytest.approx(np.mean(np.sign(z)))


def test_constant_price_and_bad_prices():
    assert (Timeframes((1, 3)).transform(np.full(9, 5.0))[-1] == 0.0).all()
    clean = np.array([1.0, 2.0, 3.0, 2.5, 2.0])
    dirty = np.insert(clean, [1, 3], [-4.0, np.inf])
    np.testing.assert_array_equal(
        Timeframes((1, 3)).transform(dirty)[-1], Timeframes((1, 3)).transform(clean)[-1]
    )


def test_horizons_must_increase():
    for bad in ((), (5, 5), (0, 2)):
        with pytest.raises(ConfigError):
            Timeframes(bad)
