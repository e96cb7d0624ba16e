"""Bad input to the visual cortex: stated behaviour, with and without a model."""

import numpy as np
import pytest

from janus_trader.brain.visual_cortex import VisualCortex, VisualCortexConfig
from janus_trader.contracts.errors import ConfigError
from janus_trader.contracts.market import BAR_DTYPE
from janus_trader.learning.vision import VisionConfig

MODELS = ("texture", "diffgaf_lstm", "vivit", "off")
VISION = VisionConfig(window=12, size=12, frames=3, stride=4, spatial_layers=1)


def region(model, n):
    eye = VisualCortex(VisualCortexConfig(window=8, model=model, vision=VISION), n)
    rng = np.random.default_rng(0)
    for learner in eye.learners():
        p = {
            k: v + 0.1 * rng.standard_normal(v.shape).astype(np.float32)
            for k, v in learner.parameters().items()
        }
        learner.adopt(p)
    return eye


def show(eye, prices, present=None):
    out = []
    for t, row in enumerate(prices):
        bars = np.zeros(eye.n, BAR_DTYPE)
        bars["close"] = row
        flags = np.ones(eye.n, bool) if present is None else present[t]
        out.append(eye(bars, flags, ts_event=t))
    return out


def finite(percept):
    arrays = (percept.trend, percept.reversal, percept.texture, percept.outlook, percept.embedding)
    return all(np.isfinite(x).all() for x in arrays)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0, -1.0])
def test_a_bad_close_is_as_if_the_bar_were_absent(model, bad):
    prices = 100 + np.cumsum(np.random.default_rng(1).standard_normal((50, 2)), axis=0)
    broken, absent = prices.copy(), np.ones((50, 2), bool)
    broken[20:23, 0] = bad
    absent[20:23, 0] = False
    a, b = show(region(model, 2), broken), show(region(model, 2), prices, absent)
    for x, y in zip(a, b, strict=True):
        assert finite(x)
        assert x.texture.tobytes() == y.texture.tobytes()
        assert x.outlook.tobytes() == y.outlook.tobytes()


@pytest.mark.parametrize("model", MODELS)
def test_nothing_but_nan(model):
    percept = show(region(model, 2), np.full((40, 2), np.nan))[-1]
    assert finite(percept)
    assert not percept.ready.any()
    assert not percept.outlook.any()


@pytest.mark.parametrize("model", MODELS)
def test_a_constant_path_has_no_trend_and_a_finite_outlook(model):
    percept = show(region(model, 2), np.full((40, 2), 55.5))[-1]
    assert finite(percept)
    assert percept.trend.tolist() == percept.reversal.tolist() == [0.0, 0.0]
    if percept.outlook.size:
        assert percept.outlook[0] == percept.outlook[1]


@pytest.mark.parametrize("model", MODELS)
def test_one_instrument_and_one_that_is_never_there(model):
    prices = 100 + np.cumsum(np.random.default_rng(2).standard_normal((50, 2)), axis=0)
    alone = show(region(model, 1), prices[:, :1])[-1]
    present = np.ones((50, 2), bool)
    present[:, 1] = False
    both = show(region(model, 2), prices, present)[-1]
    assert alone.trend[0] == both.trend[0]
    assert not both.ready[1]
    if both.outlook.size:
        assert alone.outlook[0] == both.outlook[0]
        assert both.outlook[1] == 0.0


def test_no_instrument_and_no_such_model_are_refused():
    with pytest.raises(ConfigError):
        VisualCortex(VisualCortexConfig(), 0)
    with pytest.raises(ConfigError):
        VisualCortexConfig().replace(model="resnet")
    unfit = VisualCortexConfig(model="vivit", vision=VisionConfig(patch=5))
    with pytest.raises(ConfigError):
        VisualCortex(unfit, 1)
