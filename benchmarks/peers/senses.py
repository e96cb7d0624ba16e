"""Attention by torch, consolidation of books by numpy."""

from __future__ import annotations

import numpy as np

from janus_trader.research.bench.work import Peer

WIDTH, HEADS = 16, 2


def _torch(inputs):
    import torch

    torch.set_num_threads(1)
    layer = torch.nn.MultiheadAttention(WIDTH, HEADS, batch_first=True, dtype=torch.float64).eval()
    norm = torch.nn.LayerNorm(WIDTH, dtype=torch.float64)
    with torch.no_grad():
        layer.in_proj_weight.copy_(torch.from_numpy(inputs["in_w"]))
        layer.in_proj_bias.copy_(torch.from_numpy(inputs["in_b"]))
        layer.out_proj.weight.copy_(torch.from_numpy(inputs["out_w"]))
        layer.out_proj.bias.copy_(torch.from_numpy(inputs["out_b"]))
    q, k = (torch.from_numpy(inputs[name])[None] for name in ("queries", "keys"))
    hidden = torch.from_numpy(~inputs["present"])[None]

    def call():
        with torch.inference_mode():
            source = norm(k)
            return q + layer(norm(q), source, source, key_padding_mask=hidden, need_weights=False)[0]

    return call


def _numpy(inputs):
    bid_price, bid_size, ask_price, ask_size, w = (
        inputs[name] for name in ("bid_price", "bid_size", "ask_price", "ask_size", "weights")
    )

    def call():
        bids, asks = bid_price.max(1), ask_price.min(1)
        bid, ask = bids.max(), asks.min()
        mid = 0.5 * (bid + ask)
        near = [
            float((w[:, None] * size * np.exp(-np.abs(price - mid) / mid * 1e4 / 10.0)).sum())
            for price, size in ((bid_price, bid_size), (ask_price, ask_size))
        ]
        top_bid = float((w[:, None] * bid_size * (bid_price == bid)).sum())
        top_ask = float((w[:, None] * ask_size * (ask_price == ask)).sum())
        micro = (bid * top_ask + ask * top_bid) / (top_bid + top_ask)
        mids = 0.5 * (bids + asks)
        mean = w @ mids / w.sum()
        dispersion = np.sqrt(w @ (mids - mean) ** 2 / w.sum()) / (w @ (asks - bids) / w.sum())
        return bid, ask, mid, micro, (near[0] - near[1]) / (near[0] + near[1]), w.max(), dispersion

    return call


PEERS = (
    Peer(
        work="senses.attention",
        name="torch MultiheadAttention",
        package="torch",
        prepare=_torch,
        agreement=lambda ours, theirs: float(np.abs(ours - theirs[0].numpy()).max()),
        settings="eager, inference mode, one thread, float64, layer norms and residual included",
    ),
    Peer(
        work="senses.books",
        name="numpy",
        package="numpy",
        prepare=_numpy,
        agreement=lambda ours, theirs: float(np.abs(np.array(ours[:7]) - np.array(theirs)).max()),
        settings="vectorised formulas on valid books; no checks, no crossing of venues",
    ),
)
