"""Compiled inference of both vision models: one frame's encoding, and the look at all encodings."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from janus_trader.learning.vision.architecture import LOG_DEVIATION
from janus_trader.numerics.gramian import EDGE, paa_into
from janus_trader.numerics.gramian_video import frame_coordinates, patches_into
from janus_trader.numerics.vision_layers import (
    ZERO,
    add_product,
    fast_tanh,
    layer_norm_into,
    lstm_step,
    matmul_into,
    transformer_block,
)

_BOUND = np.float32(1.0 - EDGE)
_ONE = np.float32(1.0)


@njit(cache=True)
def _learned_coordinates(window, affine, frames, cosine, sine):
    """Eq. 2 on the averaged window about its mean: ``c = clip(tanh(gain (x - mean)/deviation + offset))``."""
    paa_into(window, frames)
    mean = 0.0
    for value in frames:
        mean += value
    mean /= frames.shape[0]
    for i in range(frames.shape[0]):
        u = np.float32(frames[i] - mean)
        c = fast_tanh(affine[0] * (u - affine[2]) / affine[3] + affine[1])
        c = min(max(c, -_BOUND), _BOUND)
        cosine[i] = c
        sine[i] = np.sqrt((_ONE - c) * (_ONE + c))


@njit(cache=True)
def draw_patches(path, geometry, affine, canvas, patches):
    """The tubelet that ends with ``path`` (unit,), cut into patches (specification eq. 1-6, 8).

    ``geometry`` is (window, stride, tubelet, patch side); ``affine`` (4,) holds gain, offset, mean and
    deviation of eq. 2, or is empty for eq. 1; ``canvas`` is work space. O(tubelet (window + size^2)).
    """
    frames, cosine, sine = canvas
    window, stride, tubelet, side = geometry[0], geometry[1], geometry[2], geometry[3]
    for t in range(tubelet):
        piece = path[t * stride : t * stride + window]
        if affine.shape[0] == 0:
            frame_coordinates(piece, frames, cosine, sine, EDGE)
        else:
            _learned_coordinates(piece, affine, frames, cosine, sine)
        patches_into(cosine, sine, side, 2 * t, patches)


@njit(cache=True)
def encode_vivit(path, geometry, p, work, out):
    """Encoding (d,) of the tubelet ending with ``path``: the spatial encoder's class token. O(P d^2 + P^2 d)."""
    affine, w, b, token, position, blocks, norm = p
    canvas, patches, x, block, last = work
    draw_patches(path, geometry, affine, canvas, patches)
    d = x.shape[1]
    matmul_into(patches, patches.shape[0], w, b, x[1:])
    for j in range(d):
        x[0, j] = token[j]
    for i in range(x.shape[0]):
        for j in range(d):
            x[i, j] += position[i, j]
    _encode(x, blocks, geometry[4], block)
    layer_norm_into(x, 1, norm[0], norm[1], last)
    for j in range(d):
        out[j] = last[0, j]


@njit(cache=True)
def _encode(x, blocks, heads, work):
    """Every block in turn; of the last only the class token is wanted."""
    norms, wq, bq, wkv, bkv, wo, bo, w1, b1, w2, b2 = blocks
    layers = norms.shape[0]
    for k in range(layers):
        rows = x.shape[0] if k + 1 < layers else 1
        transformer_block(
            x, rows, norms[k], wq[k], bq[k], wkv[k], bkv[k], wo[k], bo[k], w1[k], b1[k], w2[k], b2[k], heads,
            work,
        )  # fmt: skip


@njit(cache=True)
def look_vivit(encodings, geometry, p, work, embedding):
    """Embedding (d,) of a video from its encodings (T, d), oldest first: the temporal encoder. O(T d^2 + T^2 d)."""
    token, position, blocks, norm = p
    x, block, last = work
    d = x.shape[1]
    for j in range(d):
        x[0, j] = token[j] + position[0, j]
    for i in range(1, x.shape[0]):
        for j in range(d):
            x[i, j] = encodings[i - 1, j] + position[i, j]
    _encode(x, blocks, geometry[4], block)
    layer_norm_into(x, 1, norm[0], norm[1], last)
    for j in range(d):
        embedding[j] = last[0, j]


@njit(cache=True)
def encode_lstm(path, geometry, p, work, out):
    """The tubelet ending with ``path`` as the input's part of the LSTM's gates (4 h,). O(P c p^2 + P c d)."""
    affine, w, b, wp, bp, wi, bi = p
    canvas, patches, filtered, flat, encoding = work
    draw_patches(path, geometry, affine, canvas, patches)
    matmul_into(patches, patches.shape[0], w, b, filtered)
    k = 0
    for i in range(filtered.shape[0]):
        for j in range(filtered.shape[1]):
            flat[k] = max(filtered[i, j], ZERO)
            k += 1
    for j in range(encoding.shape[0]):
        encoding[j] = bp[j]
    add_product(flat, wp, encoding)
    for j in range(encoding.shape[0]):
        encoding[j] = max(encoding[j], ZERO)
    for j in range(out.shape[0]):
        out[j] = bi[j]
    add_product(encoding, wi, out)


@njit(cache=True)
def look_lstm(encodings, geometry, p, work, embedding):
    """Embedding (h,): the LSTM's state after the encodings (T, 4 h), oldest first, from nothing. O(T h^2)."""
    (wh,) = p
    c, gates = work
    for j in range(c.shape[0]):
        c[j] = ZERO
        embedding[j] = ZERO
    for t in range(encodings.shape[0]):
        lstm_step(encodings[t], embedding, c, wh, gates)


@njit(cache=True)
def read_head(embedding, w, b, out):
    r"""Mean, deviation and direction out of an embedding into ``out`` (3,).

    .. math:: direction = P(y > 0) - P(y < 0) = \mathrm{erf}\left(\mu / (\sigma\sqrt 2)\right)
    """
    mean, log_deviation = b[0], b[1]
    for j in range(embedding.shape[0]):
        mean += embedding[j] * w[j, 0]
        log_deviation += embedding[j] * w[j, 1]
    deviation = math.exp(min(max(float(log_deviation), -LOG_DEVIATION), LOG_DEVIATION))
    out[0], out[1] = mean, deviation
    out[2] = math.erf(float(mean) / (deviation * math.sqrt(2.0)))


@njit(cache=True)
def push(value, path, seen, i):
    """Append a value to the path of instrument ``i`` and count it. O(span)."""
    last = path.shape[0] - 1
    for j in range(last):
        path[j] = path[j + 1]
    path[last] = value
    seen[i] += 1


@njit(cache=True)
def gather(ring, count, step, out):
    """The encodings made at pushes ``count``, ``count - step``, ... into ``out`` (T, e), oldest first."""
    tokens, depth = out.shape[0], ring.shape[0]
    for k in range(tokens):
        slot = (count - (tokens - 1 - k) * step) % depth
        for j in range(out.shape[1]):
            out[k, j] = ring[slot, j]


@njit(cache=True)
def stream(values, present, paths, seen, ring, geometry, p, q, head, work, look, gathered, out, embedding):
    """One bar of every instrument: push, encode the new frame, look. See `StreamingVision`.

    The model is known by ``q``: an LSTM has one matrix there, the ViViT more. The length of a tuple is a
    constant to the compiler, which leaves the other model out.
    """
    unit, span, step = geometry[5], geometry[6], geometry[7]
    for i in range(paths.shape[0]):
        if not present[i]:
            continue
        push(values[i], paths[i], seen, i)
        if seen[i] >= unit:
            path, slot = paths[i, span - unit :], ring[i, seen[i] % ring.shape[1]]
            if len(q) == 1:
                encode_lstm(path, geometry, p, work, slot)
            else:
                encode_vivit(path, geometry, p, work, slot)
        if seen[i] >= span:
            gather(ring[i], seen[i], step, gathered)
            if len(q) == 1:
                look_lstm(gathered, geometry, q, look, embedding[i])
            else:
                look_vivit(gathered, geometry, q, look, embedding[i])
            read_head(embedding[i], head[0], head[1], out[i])
