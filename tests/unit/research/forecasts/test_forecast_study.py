"""The study finds what is planted, finds nothing in noise, and never sees what comes."""

import numpy as np
import pandas as pd
import pytest

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.learning.forecasting import ForecasterConfig
from janus_trader.research.forecasts.page import in_words, page, rows
from janus_trader.research.forecasts.rows import forecast_rows
from janus_trader.research.forecasts.study import ForecastRequest, forecast_study
from janus_trader.runs.history import HistoryRequest, load_history


def bars(path, returns):
    close = 100.0 * np.exp(np.concatenate([[0.0], np.cumsum(returns)]))
    days = pd.bdate_range("2001-01-01", periods=len(close))
    pd.DataFrame({"date": days.strftime("%Y-%m-%d"), "close": close}).to_csv(path, index=False)
    return HistoryRequest(files=(str(path),))


def study(history, kind="mlp", seed=0):
    request = ForecastRequest(
        history, ForecasterConfig(kind=kind, hidden=16), window=8, folds=2, epochs=8, seed=seed
    )
    return forecast_study(request)


def test_a_planted_reversal_is_found_and_noise_is_not(tmp_path):
    generator = np.random.default_rng(1)
    noise = 0.01 * generator.standard_normal(1600)
    reverting = noise.copy()
    for t in range(1, 1600):
        reverting[t] = noise[t] - 0.6 * reverting[t - 1]
    planted = study(bars(tmp_path / "planted.csv", reverting))
    nothing = study(bars(tmp_path / "nothing.csv", noise))
    assert planted["gain"]["low"] > 0.02
    assert planted["direction"]["low"] > 0.2
    assert nothing["gain"]["low"] < 0.0
    assert planted["coverage"]["0.9"] == pytest.approx(0.9, abs=0.05)
    assert "better than volatility alone" in in_words(planted)[0]
    assert "no better" in in_words(nothing)[0] or "worse" in in_words(nothing)[0]
    assert len(rows(planted)) == 6
    assert "plotly" in page(planted)


def test_the_same_seed_gives_the_same_study(tmp_path):
    history = bars(tmp_path / "x.csv", 0.01 * np.random.default_rng(2).standard_normal(400))
    assert study(history, "lstm") == study(history, "lstm")


def test_rows_know_nothing_of_what_comes(tmp_path):
    returns = 0.01 * np.random.default_rng(3).standard_normal(300)
    whole = forecast_rows(load_history(bars(tmp_path / "a.csv", returns)).panel, 8)
    changed = returns.copy()
    changed[200:] = 0.05
    other = forecast_rows(load_history(bars(tmp_path / "b.csv", changed)).panel, 8)
    known = whole.starts <= 200
    assert np.array_equal(whole.x[known], other.x[known])
    assert np.array_equal(whole.sigma[known], other.sigma[known])
    assert (whole.ends > whole.starts).all()
    coming = np.diff(np.concatenate([[0.0], np.cumsum(returns)]))
    assert whole.y * whole.sigma == pytest.approx(coming[whole.starts], rel=1e-9)


def test_too_little_and_too_late_data_are_refused(tmp_path):
    with pytest.raises(DataError, match="too few bars"):
        study(bars(tmp_path / "short.csv", np.full(30, 0.001)))
    with pytest.raises(ConfigError, match="selection period"):
        study(HistoryRequest(end="2019-12-31"))
    with pytest.raises(ConfigError, match="selection period"):
        study(HistoryRequest())
