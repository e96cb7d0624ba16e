"""DiffGAF: Gramian angular fields that pass gradients to what drew them (specification eq. 1-7)."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from janus_trader.contracts.errors import ConfigError
from janus_trader.learning.vision.normalisation import LearnableNormalisation
from janus_trader.numerics.gramian import EDGE, gramian_fields
from janus_trader.numerics.gramian_gradient import gramian_gradient
from janus_trader.numerics.gramian_video import FLAT, paa_matrix

Form = Literal["compiled", "polar", "products"]


class PolarAngle(torch.autograd.Function):
    r"""Angle :math:`\phi = \arccos(\tilde x)` with the derivative written out (specification eq. 3 and 7).

    .. math:: \frac{d\phi}{d\tilde x} = \frac{-1}{\sqrt{1 - \tilde x^2}}
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        """Angles in [0, pi] of values in [-1, 1]."""
        ctx.save_for_backward(x)
        return torch.arccos(x)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        """Eq. 7."""
        (x,) = ctx.saved_tensors
        return -gradients[0] / torch.sqrt((1.0 - x) * (1.0 + x))


class WindowFields(torch.autograd.Function):
    """Both fields of windows (B, n) by the compiled kernels: (B, 2, n, n), with their analytic gradient."""

    @staticmethod
    def forward(ctx: Any, windows: torch.Tensor) -> torch.Tensor:
        """Rescale by each window's own extremes, clip, draw."""
        ctx.save_for_backward(windows)
        x = windows.detach().numpy()
        out = np.empty((len(x), 2, x.shape[1], x.shape[1]), x.dtype)
        for k, difference in enumerate((False, True)):
            out[:, k] = gramian_fields(x, np.empty(out[:, k].shape, x.dtype), difference=difference)
        return torch.from_numpy(out)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        """`gramian_gradient` of both fields, summed."""
        (windows,) = ctx.saved_tensors
        x, g = windows.detach().numpy(), gradients[0].detach().numpy()
        parts = [gramian_gradient(x, np.ascontiguousarray(g[:, k]), difference=k == 1) for k in (0, 1)]
        return torch.from_numpy((parts[0] + parts[1]).astype(x.dtype, copy=False))


def polar_fields(x: torch.Tensor) -> torch.Tensor:
    r"""Both fields of values in (-1, 1), by their angles: (..., n) to (..., 2, n, n).

    .. math:: \cos(\phi_i + \phi_j), \qquad \sin(\phi_i - \phi_j)

    >>> (polar_fields(torch.tensor([-0.5, 0.5]))[1].abs().diagonal() + 0.0).tolist()
    [0.0, 0.0]
    """
    phi = PolarAngle.apply(x)
    i, j = phi[..., :, None], phi[..., None, :]
    return torch.stack((torch.cos(i + j), torch.sin(i - j)), dim=-3)


def product_fields(c: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
    """The same by products of cosines and sines, without a trigonometric function (specification eq. 5, 6).

    >>> c = torch.tensor([-0.5, 0.5]); s = torch.sqrt(1 - c * c)
    >>> bool(torch.allclose(product_fields(c, s), polar_fields(c), atol=1e-6))
    True
    """
    ci, cj, si, sj = c[..., :, None], c[..., None, :], s[..., :, None], s[..., None, :]
    return torch.stack((ci * cj - si * sj, si * cj - ci * sj), dim=-3)


def rescaled(x: torch.Tensor, edge: float = EDGE) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosine and sine of windows (..., n) from their own extremes (eq. 1), clipped; flat windows give 0 and 1."""
    lo, hi = x.amin(-1, keepdim=True), x.amax(-1, keepdim=True)
    flat = hi - lo <= FLAT
    span = torch.where(flat, torch.ones_like(lo), hi - lo)
    below, above = (x - lo) / span, (hi - x) / span
    c = torch.where(flat, torch.zeros_like(x), below - above).clamp(edge - 1.0, 1.0 - edge)
    # s^2 = 4 below above loses no digits near the ends; its least value is that of the clipped cosine
    square = torch.where(flat, torch.ones_like(x), 4.0 * below * above).clamp_min(edge * (2.0 - edge))
    return c, torch.sqrt(square)


class DiffGAF(nn.Module):
    r"""Windows of log prices as images: average, normalise, clip, draw both fields.

    Parameters
    ----------
    window, size : int
        Bars in a window and side of the image, ``size <= window``.
    normalisation : {"window", "learned"}
        Eq. 1 on the extremes of the averaged window itself, or eq. 2 on its deviation from its own mean: the
        first forgets how far the path moved, the second keeps it.
    form : {"compiled", "polar", "products"}
        How the fields are drawn; the values are the same. "polar" goes through the angles and eq. 7, "compiled"
        through the analytic kernels, "products" through plain products (what is exported to ONNX).

    Notes
    -----
    The printed order (normalise, then average) can leave [-1, 1] unused and its extremes depend on points that
    no pixel shows; here averaging comes first. Eq. 6 as printed lost its roots: the difference field is
    :math:`\sqrt{1-\tilde x_i^2}\,\tilde x_j - \tilde x_i\sqrt{1-\tilde x_j^2}`. Algorithm 1 draws the summation
    field alone while section 1.1.4 names the difference field; both are drawn. Gradients agree with finite
    differences to 1e-4 in float64, away from ties at the extremes. O(B (W size + size^2)).

    Examples
    --------
    >>> DiffGAF(window=8, size=4)(torch.linspace(0, 1, 16).reshape(2, 8)).shape
    torch.Size([2, 2, 4, 4])

    Source: Wang & Oates (2015); specification eq. 1-7.
    """

    average: torch.Tensor

    def __init__(
        self,
        window: int,
        size: int,
        normalisation: Literal["window", "learned"] = "window",
        form: Form = "compiled",
    ) -> None:
        super().__init__()
        if not 1 <= size <= window or form not in ("compiled", "polar", "products"):
            raise ConfigError("DiffGAF does not fit", got=(window, size, form), expected="size <= window")
        self.form = form
        self.register_buffer("average", torch.from_numpy(paa_matrix(window, size)), persistent=False)
        self.normalisation = LearnableNormalisation(1) if normalisation == "learned" else None

    def frames(self, windows: torch.Tensor) -> torch.Tensor:
        """Averages of windows (..., W) as (..., size)."""
        return windows @ self.average.to(windows.dtype)

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        """Fields (..., 2, size, size) of windows (..., W)."""
        x = self.frames(windows)
        if self.normalisation is not None:
            c = self.normalisation((x - x.mean(-1, keepdim=True))[..., None])[..., 0]
            return polar_fields(c) if self.form == "polar" else product_fields(c, _sine(c))
        if self.form == "compiled":
            flat = x.amax(-1, keepdim=True) - x.amin(-1, keepdim=True) <= FLAT
            rows = torch.where(flat, torch.zeros_like(x), x).reshape(-1, x.shape[-1])
            return WindowFields.apply(rows).reshape(*x.shape[:-1], 2, x.shape[-1], x.shape[-1])
        c, s = rescaled(x)
        return polar_fields(c) if self.form == "polar" else product_fields(c, s)


def _sine(c: torch.Tensor) -> torch.Tensor:
    return torch.sqrt((1.0 - c) * (1.0 + c))
