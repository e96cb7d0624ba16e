"""Learnable normalisation into (-1, 1), the first layer of the differentiable image."""

from __future__ import annotations

import torch
from torch import nn

from janus_trader.numerics.gramian import EDGE

#: Added to the running variance before its root: log prices that never moved.
VARIANCE_EPS = 1e-10


class LearnableNormalisation(nn.Module):
    r"""Affine normalisation with learned gain and offset, bounded by tanh (specification eq. 2).

    .. math:: \tilde x_t = \tanh\left(\gamma \odot \frac{x_t - \mu}{\sigma} + \beta\right)

    μ and σ are running statistics: in training mode each batch moves them by ``momentum`` (the first one
    sets them), and the statistics *before* the batch are what normalises it. So the same input gives the
    same output in training and at inference, which is what lets an image be cached.

    Parameters
    ----------
    features : int
        F, the last dimension of the input.
    momentum : float
        In (0, 1].

    Notes
    -----
    Domain constraint: tanh reaches ±1 in floating point, where the derivative of arccos (eq. 7) is infinite, so
    the result is clipped to ±(1 - 1e-6); clipped values have gradient 0. NaN stays NaN. O(size).

    Examples
    --------
    >>> layer = LearnableNormalisation(1)
    >>> x = torch.linspace(-3.0, 5.0, 100)[:, None]
    >>> y = layer(x)
    >>> bool(y.abs().max() < 1), layer.mean.item()
    (True, 1.0)

    Source: specification eq. 2; running statistics as in batch normalisation (Ioffe & Szegedy 2015).
    """

    mean: torch.Tensor
    variance: torch.Tensor

    def __init__(self, features: int, momentum: float = 0.05) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(features))
        self.offset = nn.Parameter(torch.zeros(features))
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("variance", torch.ones(features))
        self.momentum = momentum

    @property
    def fresh(self) -> bool:
        """Whether the statistics are still those from before any batch."""
        return bool((self.mean == 0.0).all() and (self.variance == 1.0).all())

    @torch.no_grad()
    def observe(self, x: torch.Tensor) -> None:
        """Move the running statistics towards those of a batch (..., F)."""
        rows = x.detach().reshape(-1, x.shape[-1])
        if not len(rows):
            return
        rate = 1.0 if self.fresh else self.momentum
        self.mean += rate * (rows.mean(0) - self.mean)
        self.variance += rate * (rows.var(0, correction=0) - self.variance)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise (..., F)."""
        first = self.training and self.fresh
        if first:
            self.observe(x)
        mean, variance = self.mean, self.variance
        if self.training and not first:
            mean, variance = mean.clone(), variance.clone()
            self.observe(x)
        standard = (x - mean) / torch.sqrt(variance + VARIANCE_EPS)
        bound = 1.0 - EDGE
        return torch.tanh(self.gain * standard + self.offset).clamp(-bound, bound)
