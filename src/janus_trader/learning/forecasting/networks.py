"""LSTM and feed-forward networks whose output is a distribution (extra ``ml``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from msgspec import Meta

from janus_trader.contracts.errors import ConfigError
from janus_trader.foundation.config import Config, Count, Fraction
from janus_trader.learning.forecasting.distributions import Distribution, Gaussian, Quantiles, StudentT

if TYPE_CHECKING:
    import torch

#: Degrees of freedom stay above this, so that the variance exists.
MIN_FREEDOM = 2.1
MIN_SCALE = 1e-4


class ForecasterConfig(Config, frozen=True):
    """Shape of a forecaster and what it puts out."""

    kind: Annotated[Literal["lstm", "mlp"], Meta(description="network")] = "lstm"
    output: Annotated[Literal["gaussian", "student_t", "quantiles"], Meta(description="distribution")] = (
        "student_t"
    )
    hidden: Annotated[Count, Meta(description="units of a layer")] = 32
    layers: Annotated[Count, Meta(description="layers")] = 1
    dropout: Annotated[Fraction, Meta(description="between layers, in training")] = 0.0
    levels: Annotated[
        tuple[float, ...], Meta(min_length=1, description="quantile levels, rising, in (0, 1)")
    ] = (0.05, 0.25, 0.5, 0.75, 0.95)


def build_forecaster(config: ForecasterConfig, features: int, window: int, seed: int) -> torch.nn.Module:
    """A forecaster of (B, window, features) sequences; its raw output is turned to numbers by `predict`.

    Initial weights depend on ``seed`` alone; torch's own random state is left as it was.

    Raises
    ------
    ConfigError
        There is no feature or no window, or quantile levels do not rise inside (0, 1).

    Examples
    --------
    >>> import torch
    >>> net = build_forecaster(ForecasterConfig(kind="mlp", output="gaussian"), 2, 8, seed=0)
    >>> net(torch.zeros(3, 8, 2)).shape
    torch.Size([3, 2])
    """
    import torch

    levels = np.asarray(config.levels)
    if features < 1 or window < 1 or (np.diff(levels) <= 0).any() or levels[0] <= 0 or levels[-1] >= 1:
        raise ConfigError(
            "a forecaster of nothing",
            got=f"{features} features, window {window}, levels {config.levels}",
            expected="at least one of each and levels rising inside (0, 1)",
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _network(config, features, window)


def _network(config: ForecasterConfig, features: int, window: int) -> torch.nn.Module:
    from torch import nn

    outputs = {"gaussian": 2, "student_t": 3, "quantiles": len(config.levels)}[config.output]

    class Lstm(nn.Module):
        """The last hidden state of an LSTM, read out linearly."""

        def __init__(self) -> None:
            super().__init__()
            between = config.dropout if config.layers > 1 else 0.0
            self.lstm = nn.LSTM(features, config.hidden, config.layers, batch_first=True, dropout=between)
            self.head = nn.Linear(config.hidden, outputs)

        def forward(self, x: Any) -> Any:
            return self.head(self.lstm(x)[0][:, -1])

    if config.kind == "lstm":
        return Lstm()
    parts: list[nn.Module] = [nn.Flatten()]
    size = features * window
    for _ in range(config.layers):
        parts += [nn.Linear(size, config.hidden), nn.GELU(), nn.Dropout(config.dropout)]
        size = config.hidden
    return nn.Sequential(*parts, nn.Linear(size, outputs))


def forecast_loss(config: ForecasterConfig, raw: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Mean negative log likelihood, or mean pinball loss of quantiles; raw (B, outputs), y (B,)."""
    import torch

    if config.output == "quantiles":
        levels = raw.new_tensor(config.levels)
        error = y[:, None] - _quantiles(raw)
        return torch.maximum(levels * error, (levels - 1.0) * error).mean()
    mean, scale, freedom = _parameters(config, raw)
    if config.output == "gaussian":
        return -torch.distributions.Normal(mean, scale, validate_args=False).log_prob(y).mean()
    return -torch.distributions.StudentT(freedom, mean, scale, validate_args=False).log_prob(y).mean()


def predict(config: ForecasterConfig, module: torch.nn.Module, x: torch.Tensor) -> Distribution:
    """Distributions of (B, window, features) sequences, without dropout and without gradient."""
    import torch

    module.eval()
    with torch.no_grad():
        raw = module(x).double()
        if config.output == "quantiles":
            return Quantiles(np.asarray(config.levels), _quantiles(raw).numpy())
        mean, scale, freedom = (p.numpy() for p in _parameters(config, raw))
    return Gaussian(mean, scale) if config.output == "gaussian" else StudentT(mean, scale, freedom)


def _quantiles(raw: torch.Tensor) -> torch.Tensor:
    """First level free, the others by positive steps: quantiles that cannot cross."""
    import torch

    steps = torch.nn.functional.softplus(raw[:, 1:])
    return torch.cat([raw[:, :1], raw[:, :1] + steps.cumsum(1)], 1)


def _parameters(
    config: ForecasterConfig, raw: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    import torch

    scale = torch.nn.functional.softplus(raw[:, 1]) + MIN_SCALE
    freedom = torch.full_like(scale, 1e6)
    if config.output == "student_t":
        freedom = torch.nn.functional.softplus(raw[:, 2]) + MIN_FREEDOM
    return raw[:, 0], scale, freedom
