"""Small dense networks: forward, gradient, AdamW, clipping and target copies, compiled.

A network is one flat vector of parameters and its layer sizes. Of every layer the weights come first, row
by row of the input, then the biases. Hidden layers are rectified, the last one is linear. Sums run in a
fixed order, without a threaded library underneath: the same input gives the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError


def network_sizes(sizes: Sequence[int]) -> np.ndarray:
    """Layer sizes, input first, as the kernels want them: (layers + 1,) int64.

    Raises
    ------
    ConfigError
        There are fewer than two, or one is not positive.

    Examples
    --------
    >>> network_sizes((3, 4, 2)).tolist()
    [3, 4, 2]
    """
    out = np.array(sizes, np.int64)
    if out.ndim != 1 or out.size < 2 or (out < 1).any():
        raise ConfigError(
            "network: layer sizes are not usable", got=tuple(sizes), expected="two or more positive integers"
        )
    return out


def parameter_count(sizes: np.ndarray) -> int:
    """Length of the parameter vector.

    >>> parameter_count(network_sizes((3, 4, 2)))
    26
    """
    return int(((sizes[:-1] + 1) * sizes[1:]).sum())


def activation_count(sizes: np.ndarray) -> int:
    """Width of the buffer of activations a row needs: every layer but the input.

    >>> activation_count(network_sizes((3, 4, 2)))
    6
    """
    return int(sizes[1:].sum())


def initial_parameters(
    sizes: np.ndarray, generator: np.random.Generator, *, silent: bool = False
) -> np.ndarray:
    r"""Start of a network: weights :math:`N(0, 2/n_{in})`, biases 0.

    With ``silent`` the last layer is 0: an untrained network then says nothing about anything. The hidden
    layer still differs from unit to unit, so that it can learn.

    Examples
    --------
    >>> theta = initial_parameters(network_sizes((3, 4, 2)), np.random.default_rng(0), silent=True)
    >>> theta.shape, theta[16:].any().item()
    ((26,), False)

    References
    ----------
    He, Zhang, Ren & Sun (2015). Delving deep into rectifiers.
    """
    parts = []
    for layer in range(sizes.size - 1):
        inputs, outputs = int(sizes[layer]), int(sizes[layer + 1])
        weights = generator.standard_normal(inputs * outputs) * math.sqrt(2.0 / inputs)
        parts += [weights * (0.0 if silent and layer == sizes.size - 2 else 1.0), np.zeros(outputs)]
    return np.concatenate(parts)


@njit(cache=True)
def _add_four(theta, start, source, before, inputs, activations, at, outputs, b):
    """Add what ``inputs`` columns of four rows give, from row ``b`` on: a weight that was read serves all four.

    Two columns are added in one go, one after the other, so that a sum is read and written half as often.
    """
    o0, o1 = activations[b, at : at + outputs], activations[b + 1, at : at + outputs]
    o2, o3 = activations[b + 2, at : at + outputs], activations[b + 3, at : at + outputs]
    end = before + inputs
    for i in range(before, end - 1, 2):
        u0, u1, u2, u3 = source[b, i], source[b + 1, i], source[b + 2, i], source[b + 3, i]
        v0, v1, v2, v3 = source[b, i + 1], source[b + 1, i + 1], source[b + 2, i + 1], source[b + 3, i + 1]
        w, z = theta[start : start + outputs], theta[start + outputs : start + 2 * outputs]
        for j in range(outputs):
            o0[j] = (o0[j] + u0 * w[j]) + v0 * z[j]
            o1[j] = (o1[j] + u1 * w[j]) + v1 * z[j]
            o2[j] = (o2[j] + u2 * w[j]) + v2 * z[j]
            o3[j] = (o3[j] + u3 * w[j]) + v3 * z[j]
        start += 2 * outputs
    if inputs % 2 == 1:
        w = theta[start : start + outputs]
        for j in range(outputs):
            o0[j] += source[b, end - 1] * w[j]
            o1[j] += source[b + 1, end - 1] * w[j]
            o2[j] += source[b + 2, end - 1] * w[j]
            o3[j] += source[b + 3, end - 1] * w[j]


@njit(cache=True)
def _add_inputs(theta, start, source, before, inputs, rows, activations, at, outputs):
    """Add what ``inputs`` columns of the first ``rows`` rows give, in the order of the columns."""
    whole = rows - rows % 4
    for b in range(0, whole, 4):
        _add_four(theta, start, source, before, inputs, activations, at, outputs, b)
    for b in range(whole, rows):
        out = activations[b, at : at + outputs]
        for i in range(inputs):
            value = source[b, before + i]
            w = theta[start + i * outputs : start + (i + 1) * outputs]
            for j in range(outputs):
                out[j] += value * w[j]


@njit(cache=True)
def _rectify(activations, rows, at, outputs):
    for b in range(rows):
        for j in range(at, at + outputs):
            if activations[b, j] < 0.0:
                activations[b, j] = 0.0


@njit(cache=True)
def forward(theta, sizes, x, activations):
    """Fill ``activations`` (B, a) with every layer of rows ``x`` (B, d); the last columns are the output.

    NaN in a row makes that row's output NaN, and no other. O(B · parameters), allocation-free.

    Examples
    --------
    >>> sizes = network_sizes((1, 1, 1))
    >>> a = np.empty((2, 2))
    >>> forward(np.array([2.0, -1.0, 3.0, 0.5]), sizes, np.array([[1.0], [0.0]]), a)
    >>> a.tolist()
    [[1.0, 3.5], [0.0, 0.5]]
    """
    rows, layers = x.shape[0], sizes.size - 1
    start, before, at = 0, 0, 0
    for layer in range(layers):
        inputs, outputs = sizes[layer], sizes[layer + 1]
        source = x if layer == 0 else activations
        biases = start + inputs * outputs
        for b in range(rows):
            for j in range(outputs):
                activations[b, at + j] = theta[biases + j]
        _add_inputs(theta, start, source, before, inputs, rows, activations, at, outputs)
        if layer < layers - 1:
            _rectify(activations, rows, at, outputs)
        start, before, at = biases + outputs, at, at + outputs


#: Rows of `outputs_at` that are worked on together: their activations stay in the first cache.
_BLOCK = 32


@njit(cache=True)
def _one_output(theta, start, activations, before, inputs, outputs, output, rows, out):
    """One output of the last layer for the first ``rows`` rows, into ``out`` (rows,)."""
    for b in range(rows):
        total, at = theta[start + inputs * outputs + output], start + output
        for i in range(before, before + inputs):
            total += activations[b, i] * theta[at]
            at += outputs
        out[b] = total


@njit(cache=True)
def outputs_at(theta, sizes, x, column, choices, output, out):
    """One output of every row with each of some values in one of its columns, (B, m).

    To the bit what `forward` makes of the rows with ``x[:, column] = choices[c]``; what the columns before it
    give is summed once for all choices. At least one layer is hidden. O(B · m · parameters).

    Examples
    --------
    >>> out = np.empty((1, 2))
    >>> theta = np.array([2.0, -1.0, 3.0, 0.5])
    >>> outputs_at(theta, network_sizes((1, 1, 1)), np.zeros((1, 1)), 0, np.array([1.0, 0.0]), 0, out)
    >>> out.tolist()
    [[3.5, 0.5]]
    """
    layers, inputs, hidden, width = sizes.size - 1, sizes[0], sizes[1], 0
    for layer in range(1, layers):
        width += sizes[layer]
    base, work, found = np.empty((_BLOCK, hidden)), np.empty((_BLOCK, width)), np.empty(_BLOCK)
    biases = inputs * hidden
    for first in range(0, x.shape[0], _BLOCK):
        source = x[first : first + _BLOCK]
        rows = source.shape[0]
        for b in range(rows):
            for j in range(hidden):
                base[b, j] = theta[biases + j]
        _add_inputs(theta, 0, source, 0, column, rows, base, 0, hidden)
        for c in range(choices.size):
            w = theta[column * hidden : (column + 1) * hidden]
            for b in range(rows):
                for j in range(hidden):
                    work[b, j] = base[b, j] + choices[c] * w[j]
            after = (column + 1) * hidden
            _add_inputs(theta, after, source, column + 1, inputs - column - 1, rows, work, 0, hidden)
            _rectify(work, rows, 0, hidden)
            start, before, at = biases + hidden, 0, hidden
            for layer in range(1, layers - 1):
                count, outputs = sizes[layer], sizes[layer + 1]
                for b in range(rows):
                    for j in range(outputs):
                        work[b, at + j] = theta[start + count * outputs + j]
                _add_inputs(theta, start, work, before, count, rows, work, at, outputs)
                _rectify(work, rows, at, outputs)
                start, before, at = start + (count + 1) * outputs, at, at + outputs
            _one_output(theta, start, work, before, sizes[layers - 1], sizes[layers], output, rows, found)
            for b in range(rows):
                out[first + b, c] = found[b]


@njit(cache=True)
def backward(theta, sizes, x, activations, slopes, gradient, scratch):
    """Add to ``gradient`` the slope of a loss by every parameter, given its slope by the output.

    ``activations`` are those of `forward` on the same rows, ``slopes`` (B, outputs); ``scratch`` is
    (2, widest layer). O(B · parameters), allocation-free.

    Examples
    --------
    >>> sizes, theta, x = network_sizes((1, 1, 1)), np.array([2.0, -1.0, 3.0, 0.5]), np.array([[1.0]])
    >>> a, gradient = np.empty((1, 2)), np.zeros(4)
    >>> forward(theta, sizes, x, a)
    >>> backward(theta, sizes, x, a, np.ones((1, 1)), gradient, np.empty((2, 1)))
    >>> gradient.tolist()
    [3.0, 3.0, 1.0, 1.0]
    """
    layers = sizes.size - 1
    whole = 0
    for layer in range(1, layers + 1):
        whole += sizes[layer]
    for b in range(x.shape[0]):
        end, at = theta.size, whole - sizes[layers]
        for j in range(sizes[layers]):
            scratch[0, j] = slopes[b, j]
        for layer in range(layers - 1, -1, -1):
            inputs, outputs = sizes[layer], sizes[layer + 1]
            start, before = end - (inputs + 1) * outputs, at - inputs
            here = scratch[(layers - 1 - layer) % 2]
            below = scratch[(layers - layer) % 2]
            for j in range(outputs):
                gradient[end - outputs + j] += here[j]
            for i in range(inputs):
                value = x[b, i] if layer == 0 else activations[b, before + i]
                if value != 0.0:
                    g = gradient[start + i * outputs : start + (i + 1) * outputs]
                    for j in range(outputs):
                        g[j] += value * here[j]
                if layer > 0:
                    total = 0.0
                    if value > 0.0:
                        w = theta[start + i * outputs : start + (i + 1) * outputs]
                        for j in range(outputs):
                            total += w[j] * here[j]
                    below[i] = total
            end, at = start, before


@njit(cache=True)
def clip_norm(gradient, largest):
    """Scale ``gradient`` down to norm ``largest`` where it is longer; returns the norm it had. O(p).

    A norm that is not finite empties the gradient: no step is better than a wild one.

    >>> g = np.array([3.0, 4.0])
    >>> clip_norm(g, 1.0), np.round(g, 6).tolist()
    (5.0, [0.6, 0.8])
    """
    square = 0.0
    for i in range(gradient.size):
        square += gradient[i] * gradient[i]
    norm = math.sqrt(square)
    if not math.isfinite(norm):
        gradient[:] = 0.0
    elif norm > largest:
        factor = largest / (norm + 1e-6)
        for i in range(gradient.size):
            gradient[i] *= factor
    return norm


@njit(cache=True)
def adamw(theta, gradient, first, second, count, rate, decay, beta1, beta2, epsilon):
    r"""One step of AdamW in place; ``count`` is the number of this step, from 1. O(p).

    .. math:: m \leftarrow \beta_1 m + (1-\beta_1) g, \quad v \leftarrow \beta_2 v + (1-\beta_2) g^2, \quad
        \theta \leftarrow (1 - \eta\lambda)\theta - \eta \frac{m / (1-\beta_1^t)}{\sqrt{v / (1-\beta_2^t)} +
        \epsilon}

    Examples
    --------
    >>> theta, m, v = np.array([1.0]), np.zeros(1), np.zeros(1)
    >>> adamw(theta, np.array([0.5]), m, v, 1, 0.1, 0.0, 0.9, 0.999, 1e-8)
    >>> theta.round(6).tolist()
    [0.9]

    References
    ----------
    Loshchilov & Hutter (2019). Decoupled weight decay regularization.
    """
    step = rate / (1.0 - beta1**count)
    root = math.sqrt(1.0 - beta2**count)
    for i in range(theta.size):
        g = gradient[i]
        first[i] += (1.0 - beta1) * (g - first[i])
        second[i] = beta2 * second[i] + (1.0 - beta2) * g * g
        theta[i] *= 1.0 - rate * decay
        theta[i] -= step * first[i] / (math.sqrt(second[i]) / root + epsilon)


@njit(cache=True)
def follow(target, theta, share):
    r"""Soft copy in place, :math:`\theta^- \leftarrow (1-\tau)\theta^- + \tau\theta`. O(p).

    >>> t = np.zeros(1)
    >>> follow(t, np.ones(1), 0.25)
    >>> t.tolist()
    [0.25]
    """
    for i in range(theta.size):
        target[i] += share * (theta[i] - target[i])


@njit(cache=True)
def softmax_rows(scores, temperature, out):
    """Probabilities ∝ exp(score / temperature) of every row of (B, m), finite for finite scores. O(B·m).

    >>> out = np.empty((1, 2))
    >>> softmax_rows(np.array([[1000.0, 1000.0]]), 1.0, out)
    >>> out.tolist()
    [[0.5, 0.5]]
    """
    for b in range(scores.shape[0]):
        top = scores[b, 0]
        for j in range(1, scores.shape[1]):
            top = max(top, scores[b, j])
        total = 0.0
        for j in range(scores.shape[1]):
            out[b, j] = math.exp((scores[b, j] - top) / temperature)
            total += out[b, j]
        for j in range(scores.shape[1]):
            out[b, j] /= total
