"""Masked multi-head cross-attention with residual as a torch module."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.cross_attention import LAYER_NORM_EPS, AttentionWeights


class CrossAttention(nn.Module):
    r"""Pre-LN cross-attention: ``q + MHA(LN(q), LN(k))`` over the keys that may be seen (specification eq. 28).

    Parameters
    ----------
    width : int
        d.
    heads : int
        Divides d.
    causal : bool
        Query i of Q sees keys up to i + T - Q.
    dtype : torch.dtype
        float64 by default: the networks are small and the inference path is compared to rounding.

    Notes
    -----
    The projections are laid out as in `torch.nn.MultiheadAttention`, which is the oracle of the tests; unlike it
    a query that sees no key comes back unchanged, not as NaN. O(Q T d + (Q + T) d²) per batch row.

    Raises
    ------
    ConfigError
        ``heads`` does not divide ``width``.

    Examples
    --------
    >>> layer = CrossAttention(8, 2)
    >>> q, k = torch.ones(1, 3, 8, dtype=torch.float64), torch.ones(1, 5, 8, dtype=torch.float64)
    >>> layer(q, k).shape, bool((layer(q, k, torch.zeros(1, 5, dtype=torch.bool)) == q).all())
    (torch.Size([1, 3, 8]), True)
    """

    def __init__(
        self, width: int, heads: int, causal: bool = False, dtype: torch.dtype = torch.float64
    ) -> None:
        super().__init__()
        if heads < 1 or width < heads or width % heads:
            raise ConfigError(
                "attention: heads must divide the width", got=(width, heads), expected="d = h · d_k"
            )
        self.width, self.heads, self.causal = width, heads, causal
        self.query_norm = nn.LayerNorm(width, eps=LAYER_NORM_EPS, dtype=dtype)
        self.key_norm = nn.LayerNorm(width, eps=LAYER_NORM_EPS, dtype=dtype)
        self.in_w = nn.Parameter(torch.empty(3 * width, width, dtype=dtype))
        self.in_b = nn.Parameter(torch.zeros(3 * width, dtype=dtype))
        self.out = nn.Linear(width, width, dtype=dtype)
        nn.init.xavier_uniform_(self.in_w)
        nn.init.zeros_(self.out.bias)

    def forward(self, queries: Tensor, keys: Tensor, present: Tensor | None = None) -> Tensor:
        """(B, Q, d) from queries (B, Q, d), keys (B, T, d) and present (B, T) bool, all there where None."""
        batch, n_q, d = queries.shape
        n_k, size = keys.shape[1], d // self.heads
        visible = torch.ones(batch, n_q, n_k, dtype=torch.bool, device=keys.device)
        if present is not None:
            visible = visible & present[:, None, :]
        if self.causal:
            ones = torch.ones(n_q, n_k, dtype=torch.bool, device=keys.device)
            visible = visible & torch.tril(ones, diagonal=n_k - n_q)
        w_q, w_k, w_v = self.in_w.split(d)
        b_q, b_k, b_v = self.in_b.split(d)
        source = self.key_norm(keys)
        projected = (
            nn.functional.linear(self.query_norm(queries), w_q, b_q),
            nn.functional.linear(source, w_k, b_k),
            nn.functional.linear(source, w_v, b_v),
        )
        q, k, v = (x.unflatten(-1, (self.heads, size)).transpose(1, 2) for x in projected)
        sees = visible.any(-1)
        # a row that sees nothing is computed over everything and then thrown away: no NaN, no gradient
        safe = (visible | ~sees[..., None])[:, None]
        scores = (q @ k.transpose(-1, -2) / math.sqrt(size)).masked_fill(~safe, -math.inf)
        attended = (torch.softmax(scores, -1) @ v).transpose(1, 2).flatten(-2)
        return queries + self.out(attended) * sees[..., None]

    def weights(self) -> AttentionWeights:
        """The weights as float64 arrays for `janus_trader.numerics.cross_attention`."""
        tensors = (
            self.query_norm.weight,
            self.query_norm.bias,
            self.key_norm.weight,
            self.key_norm.bias,
            self.in_w,
            self.in_b,
            self.out.weight,
            self.out.bias,
        )
        return AttentionWeights(*(t.detach().double().cpu().numpy().copy() for t in tensors))
