"""Probabilistic forecasters of a number: recurrent and feed-forward networks with distributions as output."""

from janus_trader.learning.forecasting.distributions import (
    Gaussian,
    Quantiles,
    StudentT,
    crps,
    interval_coverage,
)
from janus_trader.learning.forecasting.networks import (
    ForecasterConfig,
    build_forecaster,
    forecast_loss,
    predict,
)

__all__ = [
    "ForecasterConfig",
    "Gaussian",
    "Quantiles",
    "StudentT",
    "build_forecaster",
    "crps",
    "forecast_loss",
    "interval_coverage",
    "predict",
]
