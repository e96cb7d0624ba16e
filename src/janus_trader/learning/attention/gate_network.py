"""Gates over channels from attention over modalities, as a torch module."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from janus_trader.learning.attention.module import CrossAttention
from janus_trader.numerics.cross_attention import AttentionWeights, GateWeights


class GateNetwork(nn.Module):
    r"""Logit that the modalities' tokens add to each channel's gate (specification eq. 29).

    .. math:: v = t + \mathrm{Attn}(t, \text{tokens}), \qquad \ell = L\tanh\frac{W_g[v; t; s] + b_g}{L}

    Parameters
    ----------
    modalities, features, channels, state : int
        M tokens of F numbers each, Q channels to be gated, S numbers of context.
    width, heads : int
        d and the number of heads.
    limit : float
        L, the largest logit.

    Notes
    -----
    ``W_g`` starts at 0: an untrained network changes no gate.

    Examples
    --------
    >>> net = GateNetwork(3, 2, 4, 5)
    >>> tokens, here = torch.ones(7, 3, 2, dtype=torch.float64), torch.ones(7, 3, dtype=torch.bool)
    >>> net(tokens, here, torch.ones(7, 5, dtype=torch.float64)).abs().max().item()
    0.0
    """

    def __init__(
        self,
        modalities: int,
        features: int,
        channels: int,
        state: int,
        width: int = 16,
        heads: int = 2,
        limit: float = 1.5,
    ) -> None:
        super().__init__()
        f64 = torch.float64
        self.limit = limit
        self.token_w = nn.Parameter(torch.randn(width, features, dtype=f64) / features**0.5)
        self.token_e = nn.Parameter(torch.randn(modalities, width, dtype=f64))
        self.query_e = nn.Parameter(torch.randn(channels, width, dtype=f64))
        self.attention = CrossAttention(width, heads)
        self.gate_w = nn.Parameter(torch.zeros(2 * width + state, dtype=f64))
        self.gate_b = nn.Parameter(torch.zeros(1, dtype=f64))

    def forward(self, tokens: Tensor, present: Tensor, state: Tensor) -> Tensor:
        """Logits (B, Q) from tokens (B, M, F), present (B, M) bool and state (B, S)."""
        batch, channels = tokens.shape[0], self.query_e.shape[0]
        keys = self.token_e + torch.where(present[..., None], tokens, 0.0) @ self.token_w.T
        t = self.query_e.expand(batch, -1, -1)
        v = self.attention(t, keys, present)
        s = state[:, None, :].expand(-1, channels, -1)
        raw = torch.cat([v, t, s], -1) @ self.gate_w + self.gate_b
        return self.limit * torch.tanh(raw / self.limit)

    def tree(self) -> dict[str, np.ndarray]:
        """The weights as a plain tree of float64 arrays (see `gate_weights`)."""
        own = {name: getattr(self, name) for name in ("token_w", "token_e", "query_e", "gate_w", "gate_b")}
        tree = {name: value.detach().double().cpu().numpy().copy() for name, value in own.items()}
        return tree | self.attention.weights()._asdict()


def gate_weights(tree: Mapping[str, np.ndarray]) -> GateWeights:
    """What the compiled step reads, from `GateNetwork.tree`."""
    attention = AttentionWeights(*(np.ascontiguousarray(tree[name]) for name in AttentionWeights._fields))
    return GateWeights(
        token_w=np.ascontiguousarray(tree["token_w"]),
        token_e=np.ascontiguousarray(tree["token_e"]),
        query_e=np.ascontiguousarray(tree["query_e"]),
        attention=attention,
        gate_w=np.ascontiguousarray(tree["gate_w"]),
        gate_b=np.ascontiguousarray(tree["gate_b"]),
    )
