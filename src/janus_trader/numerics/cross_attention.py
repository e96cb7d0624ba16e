"""Masked multi-head cross-attention with residual, and the gates read off it: compiled inference."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from janus_trader.contracts.errors import DataError

LAYER_NORM_EPS = 1e-5


class AttentionWeights(NamedTuple):
    """Weights of one cross-attention layer over vectors of length d.

    Layer norms of queries and of keys (d,), ``in_w`` (3d, d) and ``in_b`` (3d,) of query, key and value stacked,
    ``out_w`` (d, d) and ``out_b`` (d,): the layout of `torch.nn.MultiheadAttention`.
    """

    query_norm_w: np.ndarray
    query_norm_b: np.ndarray
    key_norm_w: np.ndarray
    key_norm_b: np.ndarray
    in_w: np.ndarray
    in_b: np.ndarray
    out_w: np.ndarray
    out_b: np.ndarray


class GateWeights(NamedTuple):
    """Weights of gates over channels: embeddings, one attention layer, the gate of eq. 29.

    ``token_w`` (d, F) and ``token_e`` (M, d) embed what a modality says and which it is, ``query_e`` (Q, d) the
    channels to be gated, ``gate_w`` (2d + S,) and ``gate_b`` (1,) read the gate off (v, t, s).
    """

    token_w: np.ndarray
    token_e: np.ndarray
    query_e: np.ndarray
    attention: AttentionWeights
    gate_w: np.ndarray
    gate_b: np.ndarray


@njit(cache=True)
def _normed(x, w, b):  # type: ignore[no-untyped-def]
    out = np.empty_like(x)
    d = x.shape[1]
    for r in range(x.shape[0]):
        mean = 0.0
        for k in range(d):
            mean += x[r, k]
        mean /= d
        variance = 0.0
        for k in range(d):
            variance += (x[r, k] - mean) ** 2
        scale = 1.0 / math.sqrt(variance / d + LAYER_NORM_EPS)
        for k in range(d):
            out[r, k] = (x[r, k] - mean) * scale * w[k] + b[k]
    return out


@njit(cache=True)
def _affine(x, w, b, first, rows):  # type: ignore[no-untyped-def]
    out = np.empty((x.shape[0], rows))
    for r in range(x.shape[0]):
        for j in range(rows):
            total = b[first + j]
            for k in range(x.shape[1]):
                total += w[first + j, k] * x[r, k]
            out[r, j] = total
    return out


@njit(cache=True)
def cross_attention_kernel(queries, keys, present, w, heads, causal):  # type: ignore[no-untyped-def]
    """`cross_attention` without checks. O(Q T d + (Q + T) d²)."""
    d, n_q, n_k = queries.shape[1], queries.shape[0], keys.shape[0]
    size = d // heads
    source = _normed(keys, w.key_norm_w, w.key_norm_b)
    q = _affine(_normed(queries, w.query_norm_w, w.query_norm_b), w.in_w, w.in_b, 0, d)
    k = _affine(source, w.in_w, w.in_b, d, d)
    v = _affine(source, w.in_w, w.in_b, 2 * d, d)
    attended = np.zeros((n_q, d))
    sees = np.zeros(n_q, np.bool_)
    score = np.empty(n_k)
    for i in range(n_q):
        last = i + n_k - n_q if causal else n_k - 1
        for h in range(heads):
            top = -math.inf
            for j in range(n_k):
                score[j] = -math.inf
                if present[j] and j <= last:
                    total = 0.0
                    for c in range(h * size, (h + 1) * size):
                        total += q[i, c] * k[j, c]
                    score[j] = total / math.sqrt(size)
                    top = max(top, score[j])
                    sees[i] = True
            if not sees[i]:
                break
            total = 0.0
            for j in range(n_k):
                score[j] = math.exp(score[j] - top)
                total += score[j]
            for j in range(n_k):
                for c in range(h * size, (h + 1) * size):
                    attended[i, c] += score[j] / total * v[j, c]
    out = queries.copy()
    delta = _affine(attended, w.out_w, w.out_b, 0, d)
    for i in range(n_q):
        if sees[i]:
            out[i] += delta[i]
    return out


def cross_attention(
    queries: np.ndarray,
    keys: np.ndarray,
    present: np.ndarray,
    weights: AttentionWeights,
    heads: int,
    causal: bool = False,
) -> np.ndarray:
    r"""Queries plus what they find among the keys that are present (specification eq. 28).

    .. math:: y = q + W_o\,\mathrm{concat}_h\,
              \mathrm{softmax}\!\Big(\frac{Q_h K_h^\top}{\sqrt{d_k}} + \mathrm{mask}\Big) V_h + b_o

    with Q from the layer-normed queries, K and V from the layer-normed keys.

    Parameters
    ----------
    queries : (Q, d) array
    keys : (T, d) array
    present : (T,) bool array
        False hides a key: a missing modality.
    weights : AttentionWeights
    heads : int
        Divides d.
    causal : bool
        Query i of Q sees keys up to i + T - Q: both end at the same time.

    Returns
    -------
    (Q, d) array
        A query that sees nothing comes back as it is.

    Raises
    ------
    DataError
        Shapes do not fit.

    Notes
    -----
    Equal to `janus_trader.learning.attention.CrossAttention` to rounding. O(Q T d + (Q + T) d²).

    Examples
    --------
    >>> one, none = np.ones(2), np.zeros(2)
    >>> weights = AttentionWeights(one, none, one, none, np.eye(6, 2), np.zeros(6), np.eye(2), none)
    >>> q = np.array([[1.0, -1.0]])
    >>> bool((cross_attention(q, np.zeros((3, 2)), np.zeros(3, bool), weights, 1) == q).all())
    True

    References
    ----------
    Vaswani et al. (2017), Attention is all you need; Xiong et al. (2020), On layer normalization (pre-LN).
    """
    q, k = np.ascontiguousarray(queries, np.float64), np.ascontiguousarray(keys, np.float64)
    mask = np.ascontiguousarray(present, np.bool_)
    fits = (
        q.ndim == k.ndim == 2 and q.shape[1] == k.shape[1] == weights.out_b.size and mask.shape == k.shape[:1]
    )
    if not fits or heads < 1 or q.shape[1] % heads:
        raise DataError(
            "cross-attention: shapes do not fit",
            got=f"queries {q.shape}, keys {k.shape}, present {mask.shape}, heads {heads}",
            expected="(Q, d), (T, d), (T,), heads dividing d",
        )
    return cross_attention_kernel(q, k, mask, weights, int(heads), bool(causal))


@njit(cache=True)
def gate_logits(tokens, present, state, w, heads, limit):  # type: ignore[no-untyped-def]
    r"""Logit that attention adds to the gate of each channel, (Q,), within ±limit (specification eq. 29).

    ``tokens`` (M, F) is what each modality says, ``present`` (M,) which are there, ``state`` (S,) the context.
    With t the channel's query and v = t + attention over the tokens,
    :math:`\ell = L \tanh((W_g [v; t; s] + b_g) / L)`; the gate is σ of its own logit plus this. A token that is
    not finite counts as missing. O(Q M d + (Q + M) d²).
    """
    d = w.query_e.shape[1]
    keys = w.token_e.copy()
    here = present.copy()
    for m in range(tokens.shape[0]):
        for f in range(tokens.shape[1]):
            if not math.isfinite(tokens[m, f]):
                here[m] = False
        if here[m]:
            for k in range(d):
                for f in range(tokens.shape[1]):
                    keys[m, k] += w.token_w[k, f] * tokens[m, f]
    v = cross_attention_kernel(w.query_e, keys, here, w.attention, heads, False)
    out = np.empty(w.query_e.shape[0])
    for q in range(out.shape[0]):
        total = w.gate_b[0]
        for k in range(d):
            total += w.gate_w[k] * v[q, k] + w.gate_w[d + k] * w.query_e[q, k]
        for s in range(state.shape[0]):
            total += w.gate_w[2 * d + s] * state[s]
        out[q] = limit * math.tanh(total / limit)
    return out
