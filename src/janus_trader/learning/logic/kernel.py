"""The one compiled kernel of every knowledge base: runs its program over the cases, forward and backward.

The program is read instruction by instruction, each for a block of cases at once, so that reading it costs
little and every inner loop is over neighbouring numbers. Nothing is compiled for a new knowledge base.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from janus_trader.learning.logic.tape import (
    ABS,
    ADD,
    AFFINE,
    CLIP,
    CONST,
    DIV,
    EXP,
    LE,
    LEAF,
    MAX,
    MIN,
    MUL,
    POW,
    SELECT,
    SQRT,
    SUB,
    TANH,
)

BLOCK = 128
#: Columns of a stage: program start and end, outputs start and end, free cases, bound cases, sizes of four
#: axes, how many axes are bound (they come last).
P0, P1, O0, O1, FREE, BOUND, D0 = 0, 1, 2, 3, 4, 5, 6
STAGE_COLUMNS = 14
#: Columns of an output: instruction, kind, where its value goes.
NODE, KIND, SLOT = 0, 1, 2
FORALL, EXISTS, PLAIN = 0, 1, 2
MAX_AXES = 4
_LEAST_ROOT = 1e-8
#: 2^n for n in [-64, 64], and ln 2 in two parts, the first with few digits so that n times it is exact.
_POWERS = 2.0 ** np.arange(-64.0, 65.0)
_LOG2_E = 1.0 / math.log(2.0)
_LN2_HIGH, _LN2_LOW = 0.6931471803691238, 1.9082149292705877e-10
_T3, _T4, _T5, _T6, _T7, _T8 = [1.0 / math.factorial(i) for i in range(3, 9)]
_T9, _T10, _T11, _T12, _T13 = [1.0 / math.factorial(i) for i in range(9, 14)]
_ROUNDING = 1e-12  # a number this small has no sign


@njit(cache=True)
def _address(stage, strides, position):  # type: ignore[no-untyped-def]
    """Where a table holds the value of a case: row-major ``position`` over the axes of the stage."""
    at = 0
    for d in range(MAX_AXES - 1, -1, -1):
        size = stage[D0 + d]
        at += (position % size) * strides[d]
        position //= size
    return at


@njit(cache=True)
def _load(stage, leaf, values, first, count, weight, reg, m):  # type: ignore[no-untyped-def]
    """One table for a block of cases; what has no weight reads 0, so that it cannot spoil a sum."""
    if leaf[1] == 1:
        start = leaf[0] + first
        for i in range(count):
            reg[m, i] = values[start + i] if weight[i] > 0.0 else 0.0
    else:
        for i in range(count):
            at = leaf[0] + _address(stage, leaf[2:], first + i)
            reg[m, i] = values[at] if weight[i] > 0.0 else 0.0


@njit(cache=True)
def _unload(stage, leaf, adjoint, first, count, grads):  # type: ignore[no-untyped-def]
    if leaf[1] == 1:
        start = leaf[0] + first
        for i in range(count):
            grads[start + i] += adjoint[i]
    else:
        for i in range(count):
            grads[leaf[0] + _address(stage, leaf[2:], first + i)] += adjoint[i]


@njit(cache=True)
def _weigh(stage, offsets, weights, first, count, out):  # type: ignore[no-untyped-def]
    """Weight of each case of a block: the product over its bound axes."""
    for i in range(count):
        out[i] = 1.0
    for d in range(MAX_AXES):
        if offsets[d] >= 0:
            inner = 1
            for e in range(d + 1, MAX_AXES):
                inner *= stage[D0 + e]
            for i in range(count):
                out[i] *= weights[offsets[d] + ((first + i) // inner) % stage[D0 + d]]


@njit(cache=True, error_model="numpy")
def _tanh(reg, m, a, count):  # type: ignore[no-untyped-def]
    """``reg[m] = 1 − 2 / (e^{2x} + 1)``, within 4e-16; NaN stays NaN.

    e^y is 2ⁿ times the Taylor polynomial of what is left below ln 2 / 2, without a branch or a call, so that
    several cases are computed at once.
    """
    for i in range(count):
        y = 2.0 * reg[a, i]
        y = 40.0 if y > 40.0 else y
        y = -40.0 if y < -40.0 else y
        n = np.int32((y if y == y else 0.0) * _LOG2_E + 64.5)
        whole = np.float64(n) - 64.0
        r = (y - whole * _LN2_HIGH) - whole * _LN2_LOW
        p = _T13 * r + _T12
        p = p * r + _T11
        p = p * r + _T10
        p = p * r + _T9
        p = p * r + _T8
        p = p * r + _T7
        p = p * r + _T6
        p = p * r + _T5
        p = p * r + _T4
        p = p * r + _T3
        p = ((p * r + 0.5) * r + 1.0) * r + 1.0
        reg[m, i] = 1.0 - 2.0 / (p * _POWERS[np.uint32(n)] + 1.0)


@njit(cache=True)
def _forward(stage, code, k, leaves, values, first, count, weight, reg):  # type: ignore[no-untyped-def]
    """All instructions of a stage for a block of cases, into ``reg`` (m, BLOCK)."""
    start = stage[P0]
    for m in range(stage[P1] - start):
        op, a, b, c = code[start + m, 0], code[start + m, 1], code[start + m, 2], code[start + m, 3]
        if op == LEAF:
            _load(stage, leaves[a], values, first, count, weight, reg, m)
        elif op == AFFINE:
            scale, shift = k[start + m, 0], k[start + m, 1]
            for i in range(count):
                reg[m, i] = scale * reg[a, i] + shift
        elif op == MUL:
            for i in range(count):
                reg[m, i] = reg[a, i] * reg[b, i]
        elif op == ADD:
            for i in range(count):
                reg[m, i] = reg[a, i] + reg[b, i]
        elif op == SUB:
            for i in range(count):
                reg[m, i] = reg[a, i] - reg[b, i]
        elif op == CONST:
            for i in range(count):
                reg[m, i] = k[start + m, 0]
        elif op == MIN:
            for i in range(count):
                reg[m, i] = min(reg[a, i], reg[b, i])
        elif op == MAX:
            for i in range(count):
                reg[m, i] = max(reg[a, i], reg[b, i])
        elif op == TANH:
            _tanh(reg, m, a, count)
        elif op == SQRT:
            for i in range(count):
                reg[m, i] = math.sqrt(reg[a, i])
        elif op == EXP:
            for i in range(count):
                reg[m, i] = math.exp(reg[a, i])
        elif op == ABS:
            for i in range(count):
                reg[m, i] = abs(reg[a, i])
        elif op == CLIP:
            low, high = k[start + m, 0], k[start + m, 1]
            for i in range(count):
                x = reg[a, i]
                reg[m, i] = low if x < low else (high if x > high else x)
        elif op == POW:
            for i in range(count):
                reg[m, i] = reg[a, i] ** k[start + m, 0]
        elif op == DIV:
            for i in range(count):
                reg[m, i] = reg[a, i] / reg[b, i] if reg[b, i] != 0.0 else np.nan
        elif op == LE:
            for i in range(count):
                reg[m, i] = 1.0 if reg[a, i] <= reg[b, i] else 0.0
        elif op == SELECT:
            for i in range(count):
                reg[m, i] = reg[b, i] if reg[a, i] > 0.0 else reg[c, i]


@njit(cache=True)
def _reverse(stage, code, k, leaves, active, first, count, reg, adj, grads):  # type: ignore[no-untyped-def]
    """Carry the adjoints ``adj`` (m, BLOCK) from the outputs of a stage to its tables."""
    start = stage[P0]
    for m in range(stage[P1] - start - 1, -1, -1):
        if not active[start + m]:
            continue
        op, a, b, c = code[start + m, 0], code[start + m, 1], code[start + m, 2], code[start + m, 3]
        if op == LEAF:
            _unload(stage, leaves[a], adj[m], first, count, grads)
            continue
        left = active[start + a]
        if op == AFFINE:
            scale = k[start + m, 0]
            for i in range(count):
                adj[a, i] += scale * adj[m, i]
        elif op == MUL:
            if left:
                for i in range(count):
                    adj[a, i] += adj[m, i] * reg[b, i]
            if active[start + b]:
                for i in range(count):
                    adj[b, i] += adj[m, i] * reg[a, i]
        elif op in (ADD, SUB):
            sign = 1.0 if op == ADD else -1.0
            if left:
                for i in range(count):
                    adj[a, i] += adj[m, i]
            if active[start + b]:
                for i in range(count):
                    adj[b, i] += sign * adj[m, i]
        elif op in (MIN, MAX):
            sign = 1.0 if op == MAX else -1.0
            for i in range(count):
                share = (
                    0.5 if reg[a, i] == reg[b, i] else (1.0 if sign * (reg[a, i] - reg[b, i]) > 0.0 else 0.0)
                )
                adj[a, i] += share * adj[m, i]
                adj[b, i] += (1.0 - share) * adj[m, i]
        elif op == TANH:
            for i in range(count):
                adj[a, i] += adj[m, i] * (1.0 - reg[m, i] * reg[m, i])
        elif op == SQRT:
            for i in range(count):
                adj[a, i] += adj[m, i] * (0.5 / max(reg[m, i], _LEAST_ROOT))
        elif op == EXP:
            for i in range(count):
                adj[a, i] += adj[m, i] * reg[m, i]
        elif op == ABS:
            for i in range(count):
                adj[a, i] += adj[m, i] * (
                    1.0 if reg[a, i] > _ROUNDING else (-1.0 if reg[a, i] < -_ROUNDING else 0.0)
                )
        elif op == CLIP:
            low, high = k[start + m, 0], k[start + m, 1]
            for i in range(count):
                adj[a, i] += adj[m, i] if low <= reg[a, i] <= high else 0.0
        elif op == POW:
            power = k[start + m, 0]
            for i in range(count):
                adj[a, i] += adj[m, i] * power * reg[a, i] ** (power - 1.0)
        elif op == DIV:
            for i in range(count):
                if adj[m, i] != 0.0:
                    adj[a, i] += adj[m, i] / reg[b, i]
                    adj[b, i] -= adj[m, i] * reg[m, i] / reg[b, i]
        elif op == SELECT:
            for i in range(count):
                if reg[a, i] > 0.0:
                    adj[b, i] += adj[m, i]
                else:
                    adj[c, i] += adj[m, i]


@njit(cache=True)
def _errors(x, kind, count, quantum, out):  # type: ignore[no-untyped-def]
    """What a quantifier averages: errors 1 − π₁(x) for ∀, truths π₀(x) for ∃."""
    keep = 1.0 - quantum
    if kind == FORALL:
        for i in range(count):
            out[i] = 1.0 - keep * x[i]
    else:
        for i in range(count):
            out[i] = keep * x[i] + quantum


@njit(cache=True)
def _raise(x, count, p, out):  # type: ignore[no-untyped-def]
    """``out = x^p``; small whole powers by multiplication."""
    whole = int(p)
    if p == whole and whole <= 8:
        for i in range(count):
            out[i] = 1.0
        for _ in range(whole):
            for i in range(count):
                out[i] *= x[i]
    else:
        for i in range(count):
            out[i] = x[i] ** p


@njit(cache=True)
def _slope(mean, p):  # type: ignore[no-untyped-def]
    """``mean^{1/p − 1}``, the outer part of the derivative of a p-mean; 0 where all its terms are 0."""
    if p == 1.0:
        return 1.0
    return mean ** (1.0 / p - 1.0) if mean > 0.0 else 0.0


@njit(cache=True)
def _aggregate(stage, outputs, code, k, leaves, values, weights, offsets, p, quantum, means, rows, work):  # type: ignore[no-untyped-def]
    """Forward over one stage: every quantifier of it, for every case of its free axes."""
    reg, error, term, weight, sums = work[0], work[2, 0], work[2, 1], work[2, 2], work[3]
    n_out = stage[O1] - stage[O0]
    for f in range(stage[FREE]):
        for o in range(n_out):
            for i in range(BLOCK):
                sums[o, i] = 0.0
        total, base, done = 0.0, f * stage[BOUND], 0
        while done < stage[BOUND]:
            count = min(BLOCK, stage[BOUND] - done)
            _weigh(stage, offsets, weights, base + done, count, weight)
            for i in range(count):
                total += weight[i]
            _forward(stage, code, k, leaves, values, base + done, count, weight, reg)
            for o in range(n_out):
                node, kind, slot = outputs[stage[O0] + o]
                x, acc = reg[node], sums[o]
                if kind == PLAIN:
                    for i in range(count):
                        acc[i] += x[i]
                    continue
                _errors(x, kind, count, quantum, error)
                _raise(error, count, p[kind], term)
                for i in range(count):
                    acc[i] += weight[i] * term[i] if weight[i] > 0.0 else 0.0
                if rows.shape[0] > 0:
                    for i in range(count):
                        rows[o, base + done + i] = x[i] if weight[i] > 0.0 else 1.0
            done += count
        for o in range(n_out):
            node, kind, slot = outputs[stage[O0] + o]
            summed = 0.0
            for i in range(BLOCK):
                summed += sums[o, i]
            if kind == PLAIN:
                values[slot + f] = summed
            else:
                mean = summed / total if total > 0.0 else 0.0
                means[slot + f] = mean
                root = mean if p[kind] == 1.0 else mean ** (1.0 / p[kind])
                values[slot + f] = 1.0 - root if kind == FORALL else root


@njit(cache=True)
def _descend(
    stage, outputs, code, k, leaves, active, values, weights, offsets, p, quantum, means, grads, fresh, work
):  # type: ignore[no-untyped-def]
    """Backward over one stage: from the gradients of its quantifiers to those of its tables.

    ``fresh`` says that the registers still hold this stage's only block.
    """
    reg, adj, error, term, weight = work[0], work[1], work[2, 0], work[2, 1], work[2, 2]
    start, n_out, keep = stage[P0], stage[O1] - stage[O0], 1.0 - quantum
    for f in range(stage[FREE]):
        total, base, done, reached = 0.0, f * stage[BOUND], 0, 0.0
        for o in range(n_out):
            reached += abs(grads[outputs[stage[O0] + o, SLOT] + f])
        if reached == 0.0:
            continue
        while done < stage[BOUND]:
            count = min(BLOCK, stage[BOUND] - done)
            _weigh(stage, offsets, weights, base + done, count, weight)
            for i in range(count):
                total += weight[i]
            done += count
        if total <= 0.0:
            continue
        done = 0
        while done < stage[BOUND]:
            count = min(BLOCK, stage[BOUND] - done)
            _weigh(stage, offsets, weights, base + done, count, weight)
            if not fresh:
                _forward(stage, code, k, leaves, values, base + done, count, weight, reg)
            for m in range(stage[P1] - start):
                if active[start + m]:
                    for i in range(count):
                        adj[m, i] = 0.0
            for o in range(n_out):
                node, kind, slot = outputs[stage[O0] + o]
                if not active[start + node]:
                    continue
                g, into = grads[slot + f], adj[node]
                if kind == PLAIN:
                    for i in range(count):
                        into[i] += g
                    continue
                _errors(reg[node], kind, count, quantum, error)
                _raise(error, count, p[kind] - 1.0, term)
                scale = g * keep * _slope(means[slot + f], p[kind]) / total
                for i in range(count):
                    into[i] += scale * weight[i] * term[i] if weight[i] > 0.0 else 0.0
            _reverse(stage, code, k, leaves, active, base + done, count, reg, adj, grads)
            done += count


@njit(cache=True)
def forward(
    stages, outputs, code, k, leaves, offsets, rules, values, weights, importance, p, quantum, means, work, rows
):  # type: ignore[no-untyped-def]  # fmt: skip
    """Satisfaction of a knowledge base in [0, 1]: `run` without a gradient. O(instructions x cases)."""
    for s in range(stages.shape[0]):
        _aggregate(
            stages[s], outputs, code, k, leaves, values, weights, offsets[s], p, quantum, means,
            rows if s == 0 else rows[:0], work,
        )  # fmt: skip
    return 1.0 - _mean_error(rules, values, importance, p, quantum)[0] ** (1.0 / p[2])


@njit(cache=True)
def _mean_error(rules, values, importance, p, quantum):  # type: ignore[no-untyped-def]
    """Mean of the rules' errors to the power of SAT, and the sum of their weights."""
    keep, summed, total = 1.0 - quantum, 0.0, 0.0
    for r in range(importance.size):
        summed += importance[r] * (1.0 - keep * values[rules + r]) ** p[2]
        total += importance[r]
    return summed / total if total > 0.0 else 0.0, total


@njit(cache=True)
def run(
    stages, outputs, code, k, leaves, active, offsets, rules, values, weights, importance, p, quantum,
    backward, means, grads, rows, work,
):  # type: ignore[no-untyped-def]  # fmt: skip
    """Satisfaction of a knowledge base and, if asked, its gradient.

    ``values`` holds the tables, then room for the quantifiers and the rules; ``grads`` has the same places and is
    zeroed here. ``rules`` is where the first rule lies, ``importance`` (R,) their weights, ``p`` the powers of ∀, ∃
    and SAT. Returns SAT in [0, 1]. O(instructions x cases).
    """
    last, keep = stages.shape[0], 1.0 - quantum
    satisfaction = forward(
        stages, outputs, code, k, leaves, offsets, rules, values, weights, importance, p, quantum, means,
        work, rows,
    )  # fmt: skip
    mean, total = _mean_error(rules, values, importance, p, quantum)
    if backward and total > 0.0:
        grads[:] = 0.0
        for r in range(importance.size):
            error = 1.0 - keep * values[rules + r]
            slope = importance[r] / total * _slope(mean, p[2]) * keep
            grads[rules + r] = slope * (error ** (p[2] - 1.0) if p[2] > 1.0 else 1.0)
        fresh = last == 1 and stages[0, FREE] == 1 and stages[0, BOUND] <= BLOCK
        for s in range(last - 1, -1, -1):
            _descend(
                stages[s], outputs, code, k, leaves, active, values, weights, offsets[s], p, quantum, means,
                grads, fresh, work,
            )  # fmt: skip
    return satisfaction
