"""Layers of a small network as compiled loops: product, norm, GELU, attention, transformer block, LSTM.

Everything is float32, C-ordered and written into arrays given. No BLAS and no contraction of operations:
the same input gives the same bytes on every machine. The forms are those of torch (``Linear``, ``LayerNorm``,
``GELU(approximate="tanh")``, ``LSTM``), with weights stored (in, out).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from janus_trader.numerics import symbol_names as _stable_names  # noqa: F401  sound compile cache

ZERO, HALF, ONE = np.float32(0.0), np.float32(0.5), np.float32(1.0)
#: Added to a variance before its root (torch's LayerNorm).
NORM_EPS = np.float32(1e-5)

_LOWEST_EXPONENT = np.float32(-87.0)
_LOG2E = np.float32(1.44269504088896341)
_LN2_HIGH, _LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
_E0, _E1, _E2 = np.float32(1.9875691500e-4), np.float32(1.3981999507e-3), np.float32(8.3334519073e-3)
_E3, _E4, _E5 = np.float32(4.1665795894e-2), np.float32(1.6666665459e-1), np.float32(5.0000001201e-1)
_SHIFT, _EXPONENT_BIAS = np.int32(23), np.int32(127)

# tanh(x) = x p(x^2) / q(x^2) on |x| <= _TANH_END, beyond which it is 1 in float32.
_TANH_END = np.float32(7.90531110763549805)
_A1, _A3, _A5 = (
    np.float32(4.89352455891786e-3),
    np.float32(6.37261928875436e-4),
    np.float32(1.48572235717979e-5),
)
_A7, _A9 = np.float32(5.12229709037114e-8), np.float32(-8.60467152213735e-11)
_A11, _A13 = np.float32(2.00018790482477e-13), np.float32(-2.76076847742355e-16)
_B0, _B2 = np.float32(4.89352518554385e-3), np.float32(2.26843463243900e-3)
_B4, _B6 = np.float32(1.18534705686654e-4), np.float32(1.19825839466702e-6)
_GELU_IN, _GELU_CUBE = np.float32(0.7978845608028654), np.float32(0.044715)


def _float_of(context: Any, x: Any) -> Any:
    """The float32 with the bits of an int32."""
    return types.float32(types.int32), lambda _c, b, _s, a: b.bitcast(a[0], ir.FloatType())


_float = cast(Callable[[Any], Any], intrinsic(_float_of))


@njit(cache=True, error_model="numpy")
def fast_exp(x):
    """Exponential of a float32 that is at most 88; below -87 it is that of -87. Error 1 unit in the last place.

    References
    ----------
    Moshier, S. (1992). Cephes, expf.c.
    """
    x = max(x, _LOWEST_EXPONENT)
    n = np.float32(np.floor(x * _LOG2E + HALF))
    r = (x - n * _LN2_HIGH) - n * _LN2_LOW
    p = ((((_E0 * r + _E1) * r + _E2) * r + _E3) * r + _E4) * r + _E5
    return (p * (r * r) + r + ONE) * _float((np.int32(n) + _EXPONENT_BIAS) << _SHIFT)


@njit(cache=True, error_model="numpy")
def fast_tanh(x):
    """Hyperbolic tangent of a float32 without a branch, to a few units in the last place."""
    x = min(max(x, -_TANH_END), _TANH_END)
    y = x * x
    p = (((((_A13 * y + _A11) * y + _A9) * y + _A7) * y + _A5) * y + _A3) * y + _A1
    q = ((_B6 * y + _B4) * y + _B2) * y + _B0
    return x * p / q


@njit(cache=True, error_model="numpy")
def sigmoid(x):
    """Logistic function of a float32."""
    return HALF * fast_tanh(HALF * x) + HALF


@njit(cache=True, error_model="numpy")
def matmul_into(a, rows, w, bias, out):
    """``out[i] = a[i] @ w + bias`` for the first ``rows`` rows of ``a`` (m, k), ``w`` (k, n). O(rows k n).

    Four rows and four terms at a time, in one fixed order.
    """
    k, n = w.shape
    i = 0
    while i + 4 <= rows:
        r0, r1, r2, r3 = out[i], out[i + 1], out[i + 2], out[i + 3]
        for j in range(n):
            r0[j] = bias[j]
            r1[j] = bias[j]
            r2[j] = bias[j]
            r3[j] = bias[j]
        t = 0
        while t + 4 <= k:
            b0, b1, b2, b3 = w[t], w[t + 1], w[t + 2], w[t + 3]
            x00, x01, x02, x03 = a[i, t], a[i, t + 1], a[i, t + 2], a[i, t + 3]
            x10, x11, x12, x13 = a[i + 1, t], a[i + 1, t + 1], a[i + 1, t + 2], a[i + 1, t + 3]
            x20, x21, x22, x23 = a[i + 2, t], a[i + 2, t + 1], a[i + 2, t + 2], a[i + 2, t + 3]
            x30, x31, x32, x33 = a[i + 3, t], a[i + 3, t + 1], a[i + 3, t + 2], a[i + 3, t + 3]
            for j in range(n):
                y0, y1, y2, y3 = b0[j], b1[j], b2[j], b3[j]
                r0[j] += (x00 * y0 + x01 * y1) + (x02 * y2 + x03 * y3)
                r1[j] += (x10 * y0 + x11 * y1) + (x12 * y2 + x13 * y3)
                r2[j] += (x20 * y0 + x21 * y1) + (x22 * y2 + x23 * y3)
                r3[j] += (x30 * y0 + x31 * y1) + (x32 * y2 + x33 * y3)
            t += 4
        while t < k:
            b0 = w[t]
            x00, x10, x20, x30 = a[i, t], a[i + 1, t], a[i + 2, t], a[i + 3, t]
            for j in range(n):
                r0[j] += x00 * b0[j]
                r1[j] += x10 * b0[j]
                r2[j] += x20 * b0[j]
                r3[j] += x30 * b0[j]
            t += 1
        i += 4
    while i < rows:
        row = out[i]
        for j in range(n):
            row[j] = bias[j]
        add_product(a[i], w, row)
        i += 1


@njit(cache=True, error_model="numpy")
def add_product(x, w, out):
    """``out += x @ w`` of a vector ``x`` (k,) and ``w`` (k, n), summed in the order of `matmul_into`. O(k n)."""
    k, n = w.shape
    t = 0
    while t + 4 <= k:
        b0, b1, b2, b3 = w[t], w[t + 1], w[t + 2], w[t + 3]
        x0, x1, x2, x3 = x[t], x[t + 1], x[t + 2], x[t + 3]
        for j in range(n):
            out[j] += (x0 * b0[j] + x1 * b1[j]) + (x2 * b2[j] + x3 * b3[j])
        t += 4
    while t < k:
        b0, x0 = w[t], x[t]
        for j in range(n):
            out[j] += x0 * b0[j]
        t += 1


@njit(cache=True, error_model="numpy")
def layer_norm_into(x, rows, gain, bias, out):
    """Each of the first rows of ``x`` (m, d) to mean 0, variance 1, then ``gain`` and ``bias``. O(rows d)."""
    d = x.shape[1]
    for i in range(rows):
        row = x[i]
        s0, s1, s2, s3 = ZERO, ZERO, ZERO, ZERO
        for j in range(0, d - 3, 4):
            s0, s1, s2, s3 = s0 + row[j], s1 + row[j + 1], s2 + row[j + 2], s3 + row[j + 3]
        for j in range(d - d % 4, d):
            s0 += row[j]
        mean = ((s0 + s1) + (s2 + s3)) / np.float32(d)
        s0, s1, s2, s3 = ZERO, ZERO, ZERO, ZERO
        for j in range(0, d - 3, 4):
            e0, e1, e2, e3 = row[j] - mean, row[j + 1] - mean, row[j + 2] - mean, row[j + 3] - mean
            s0, s1, s2, s3 = s0 + e0 * e0, s1 + e1 * e1, s2 + e2 * e2, s3 + e3 * e3
        for j in range(d - d % 4, d):
            e0 = row[j] - mean
            s0 += e0 * e0
        scale = ONE / np.sqrt(((s0 + s1) + (s2 + s3)) / np.float32(d) + NORM_EPS)
        for j in range(d):
            out[i, j] = (row[j] - mean) * scale * gain[j] + bias[j]


@njit(cache=True, error_model="numpy")
def gelu_in_place(x, rows):
    """Gaussian error linear unit, by tanh, of the first rows of ``x`` (m, d). O(rows d)."""
    for i in range(rows):
        row = x[i]
        for j in range(row.shape[0]):
            v = row[j]
            row[j] = HALF * v * (ONE + fast_tanh(_GELU_IN * (v + _GELU_CUBE * (v * (v * v)))))


@njit(cache=True, error_model="numpy")
def softmax_in_place(row, scale):
    """``exp(a x) / sum exp(a x)`` of ``row`` (n,) with ``a = scale > 0``. O(n)."""
    n = row.shape[0]
    top = row[0]
    for j in range(1, n):
        top = max(top, row[j])
    for j in range(n):
        row[j] = fast_exp((row[j] - top) * scale)
    total = ZERO
    for j in range(n):
        total += row[j]
    share = ONE / total
    for j in range(n):
        row[j] *= share


@njit(cache=True, error_model="numpy")
def _softmax_columns(x, scale, top, total):
    """`softmax_in_place` of every column of ``x`` (n, m), a row at a time; ``top``, ``total`` (m,). O(n m)."""
    n, m = x.shape
    for i in range(m):
        top[i] = x[0, i]
        total[i] = ZERO
    for j in range(1, n):
        row = x[j]
        for i in range(m):
            top[i] = max(top[i], row[i])
    for j in range(n):
        row = x[j]
        for i in range(m):
            row[i] = fast_exp((row[i] - top[i]) * scale)
            total[i] += row[i]
    for i in range(m):
        total[i] = ONE / total[i]
    for j in range(n):
        row = x[j]
        for i in range(m):
            row[i] *= total[i]


@njit(cache=True, error_model="numpy")
def _attend_all(q, kv, at, size, scale, work, out):
    """One head, every query: scores are kept (key, query), so that the inner loops run over queries."""
    keys, turned, scores, top, total, mixed, zero = work
    n, d = q.shape
    for j in range(n):
        for e in range(size):
            keys[j, e] = kv[j, at + e]
            turned[e, j] = q[j, at + e]
    matmul_into(keys, n, turned, zero, scores)
    _softmax_columns(scores, scale, top, total)
    for j in range(n):
        for e in range(size):
            turned[e, j] = kv[j, d + at + e]
    matmul_into(turned, size, scores, zero, mixed)
    for j in range(n):
        for e in range(size):
            out[j, at + e] = mixed[e, j]


@njit(cache=True, error_model="numpy")
def _attend_one(query, kv, at, size, scale, row, out):
    """One head, one query (d,), into ``out`` (d,). O(n size)."""
    n, d = kv.shape[0], query.shape[0]
    for j in range(n):
        total = ZERO
        for e in range(at, at + size):
            total += query[e] * kv[j, e]
        row[j] = total
    softmax_in_place(row, scale)
    for e in range(at, at + size):
        out[e] = ZERO
    for j in range(n):
        weight = row[j]
        for e in range(at, at + size):
            out[e] += weight * kv[j, d + e]


@njit(cache=True, error_model="numpy")
def attention_into(q, kv, rows, heads, work, out):
    r"""Multi-head attention over every key, of all queries, or of the first alone (``rows = 1``).

    .. math:: out_i = \sum_j \mathrm{softmax}_j(q_i \cdot k_j / \sqrt{d_h})\, v_j

    ``q`` (n, d); ``kv`` (n, 2 d), keys then values; head h has columns ``h d_h`` to ``(h+1) d_h``; ``work`` is
    what `attention_work` makes. O(rows n d).
    """
    size = q.shape[1] // heads
    scale = ONE / np.sqrt(np.float32(size))
    for h in range(heads):
        if rows == 1:
            _attend_one(q[0], kv, h * size, size, scale, work[3], out[0])
        else:
            _attend_all(q, kv, h * size, size, scale, work, out)


def attention_work(n: int, size: int) -> tuple[np.ndarray, ...]:
    """Work space of `attention_into` for ``n`` tokens and heads of ``size``.

    >>> [w.shape for w in attention_work(5, 4)]
    [(5, 4), (4, 5), (5, 5), (5,), (5,), (4, 5), (5,)]
    """
    shapes = ((n, size), (size, n), (n, n), (n,), (n,), (size, n), (n,))
    return tuple(np.zeros(shape, np.float32) for shape in shapes)


@njit(cache=True, error_model="numpy")
def transformer_block(x, rows, norms, wq, bq, wkv, bkv, wo, bo, w1, b1, w2, b2, heads, work):
    r"""Pre-norm residual block, in place: :math:`x \mathrel{+}= MSA(LN(x))`, :math:`x \mathrel{+}= MLP(LN(x))`.

    All rows of ``x`` (n, d) are computed anew, or the first alone (``rows = 1``), over the keys of all;
    ``norms`` (4, d) are gain and bias of both norms. ``work`` is what `block_work` makes. O(n d^2 + rows n d).

    Source: specification eq. 9 with the MLP of Arnab et al. (2021), eq. 3-4.
    """
    n, d = x.shape
    normed, q, kv, mixed, hidden, attention = work
    layer_norm_into(x, n, norms[0], norms[1], normed)
    matmul_into(normed, rows, wq, bq, q)
    matmul_into(normed, n, wkv, bkv, kv)
    attention_into(q, kv, rows, heads, attention, mixed)
    matmul_into(mixed, rows, wo, bo, normed)
    for i in range(rows):
        for j in range(d):
            x[i, j] += normed[i, j]
    layer_norm_into(x, rows, norms[2], norms[3], normed)
    matmul_into(normed, rows, w1, b1, hidden)
    gelu_in_place(hidden, rows)
    matmul_into(hidden, rows, w2, b2, normed)
    for i in range(rows):
        for j in range(d):
            x[i, j] += normed[i, j]


def block_work(n: int, d: int, heads: int, hidden: int) -> tuple[Any, ...]:
    """Work space of `transformer_block` for ``n`` tokens of size ``d``.

    >>> [w.shape for w in block_work(5, 8, 2, 16)[:5]]
    [(5, 8), (5, 8), (5, 16), (5, 8), (5, 16)]
    """
    shapes = ((n, d), (n, d), (n, 2 * d), (n, d), (n, hidden))
    return (*[np.zeros(shape, np.float32) for shape in shapes], attention_work(n, d // heads))


@njit(cache=True, error_model="numpy")
def lstm_step(projected, h, c, w, gates):
    r"""One step of an LSTM, ``h`` and ``c`` (d,) in place; gates in the order input, forget, cell, output.

    .. math:: c = \sigma(f) c + \sigma(i) \tanh(g), \quad h = \sigma(o) \tanh(c)

    ``projected`` (4 d,) is the input's part of the gates, both biases included; ``w`` (d, 4 d) the recurrent
    weights; ``gates`` (4 d,) work space. O(d^2).

    Source: Hochreiter & Schmidhuber (1997), with forget gate (Gers et al. 2000).
    """
    d = h.shape[0]
    for j in range(4 * d):
        gates[j] = projected[j]
    add_product(h, w, gates)
    for j in range(d):
        c[j] = sigmoid(gates[d + j]) * c[j] + sigmoid(gates[j]) * fast_tanh(gates[2 * d + j])
    for j in range(d):
        h[j] = sigmoid(gates[3 * d + j]) * fast_tanh(c[j])
