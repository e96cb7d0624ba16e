"""Fit of the two-level hidden Markov model: exact EM on the flattened chain with tied transitions."""

from __future__ import annotations

import numpy as np

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.baum_welch import expect_all, maximise_emissions
from janus_trader.numerics.hierarchical_hmm import HierarchicalHMM
from janus_trader.numerics.hmm_decoding import smoothed_probabilities
from janus_trader.numerics.hmm_kernels import pack, unpack, whiten
from janus_trader.numerics.hmm_parameters import finite_rows, sequence_bounds
from janus_trader.numerics.hmm_start import (
    cluster_variances,
    seed_centres,
    sticky_transitions,
    variance_floor,
)


def _law(counts: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Rows of ``counts`` as distributions; a row without counts keeps that of ``before``."""
    total = counts.sum(axis=-1, keepdims=True)
    return np.where(total > 1e-100, counts / np.maximum(total, 1e-100), before)


def hierarchical_em(
    model: HierarchicalHMM, x: np.ndarray, max_iter: int = 1, tol: float = 0.0, min_variance: float = 0.0
) -> tuple[HierarchicalHMM, float]:
    r"""Baum-Welch steps that keep the two-level structure; returns the model and its log-likelihood.

    With :math:`\xi` the expected transitions of the flattened chain the maximiser is in closed form:
    :math:`G_{mn} \propto \sum_{ij} \xi_{(m,i)(n,j)}`, :math:`A_m(i,j) \propto \xi_{(m,i)(m,j)}` and
    :math:`e_n(j) \propto \gamma_1(n,j) + \sum_{m \ne n, i} \xi_{(m,i)(n,j)}`, so the likelihood never
    falls but for the floor under variances.

    Parameters
    ----------
    model : HierarchicalHMM
    x : (T, d) array
        Finite rows in time order.
    max_iter : int
        Steps at most, >= 1.
    tol : float
        Stop when a step gains less log-likelihood than this per row, >= 0.
    min_variance : float
        As in `em_step`.

    Raises
    ------
    DataError
        Rows that do not fit, or a parameter out of range.

    Notes
    -----
    O(max_iter T ((M J)^2 + M J d)), full O(max_iter T ((M J)^2 + M J d^2)).

    Examples
    --------
    >>> h = HierarchicalHMM(np.array([0.5, 0.5]), np.array([[0.9, 0.1], [0.2, 0.8]]), np.ones((2, 1)),
    ...                     np.ones((2, 1, 1)), np.array([[[0.0]], [[3.0]]]), np.ones((2, 1, 1)))
    >>> hierarchical_em(h, np.array([[0.0], [0.0], [3.0], [3.0]]))[0].means.ravel().round(1).tolist()
    [0.0, 3.0]
    """
    rows = finite_rows(x, 1, model.means.shape[2])
    if max_iter < 1 or tol < 0.0 or not 0.0 <= min_variance <= 1.0:
        raise DataError(
            "hierarchical_em: parameter out of range",
            got=f"max_iter={max_iter}, tol={tol}, min_variance={min_variance}",
            expected="max_iter >= 1, tol >= 0, 0 <= min_variance <= 1",
        )
    m, j = model.entry.shape
    states = pack(model.flatten())
    s = states[0]
    s["floor"] = variance_floor(rows, min_variance)
    bounds = sequence_bounds(len(rows), None)
    filtered, predicted = np.empty((2, len(rows), s["posterior"].size))
    value = expect_all(s, rows, bounds, filtered, predicted)
    for _ in range(max_iter):
        first = s["first"][: m * j].reshape(m, j)
        pairs = (s["pairs"] * s["transition"])[: m * j, : m * j].reshape(m, j, m, j)
        within = pairs[np.arange(m), :, np.arange(m), :]
        entering = pairs.sum(axis=(0, 1)) - within.sum(axis=1) + first
        maximise_emissions(s)
        flat = unpack(states)
        model = HierarchicalHMM(
            first.sum(axis=1) / first.sum(),
            _law(pairs.sum(axis=(1, 3)), model.macro_transition),
            _law(np.maximum(entering, 0.0), model.entry),
            _law(within, model.micro_transition),
            flat.means.reshape(model.means.shape),
            flat.covariances.reshape(model.covariances.shape),
        )
        tied = model.flatten()
        s["initial"][: m * j] = tied.initial
        s["transition"][: m * j, : m * j] = tied.transition
        whiten(s)
        before = value
        value = expect_all(s, rows, bounds, filtered, predicted)
        if value - before < tol * len(rows):
            break
    return model, float(value)


def macro_character(model: HierarchicalHMM, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    r"""Volatility and lag-1 autocorrelation of the first feature in each macro state, (M,) each.

    With :math:`w_t = P(m_t = m, m_{t-1} = m | x)` approximated by the product of the smoothed
    probabilities: the weighted standard deviation of :math:`x_t`, and the weighted correlation of
    :math:`x_t` with :math:`x_{t-1}`, both about the weighted mean. A state without weight gives 0.
    """
    rows = finite_rows(x, 2, model.means.shape[2])
    macro = model.split(smoothed_probabilities(model.flatten(), rows))[0]
    weight = macro[1:] * macro[:-1]
    total = np.maximum(weight.sum(axis=0), 1e-300)
    now, last = rows[1:, :1], rows[:-1, :1]
    mean = (weight * now).sum(axis=0) / total
    variance = (weight * (now - mean) ** 2).sum(axis=0) / total
    product = (weight * (now - mean) * (last - mean)).sum(axis=0) / total
    return np.sqrt(variance), np.where(variance > 0.0, product / np.maximum(variance, 1e-300), 0.0)


def order_macros(model: HierarchicalHMM, x: np.ndarray) -> HierarchicalHMM:
    """The model with its macro states in the order calm, trend, chaos.

    The most volatile state is chaos (last); the others follow by rising autocorrelation of the first
    feature, so that of three the middle one is trend.
    """
    volatility, autocorrelation = macro_character(model, x)
    chaos = int(np.argmax(volatility))
    rest = [m for m in np.argsort(autocorrelation, kind="stable") if m != chaos]
    return model.permuted(np.array([*rest, chaos]))


def _windows(x: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray]:
    """Deviation of, and way made relative to it by, the window centred at each row (clipped at the ends)."""
    views = np.lib.stride_tricks.sliding_window_view(x, window)
    deviation = views.std(axis=1)
    way = np.abs(views.mean(axis=1)) / np.maximum(deviation, 1e-300)
    at = np.clip(np.arange(len(x)) - window // 2, 0, len(views) - 1)
    return deviation[at], way[at]


def _first_guess(
    rows: np.ndarray, n_micro: int, window: int, uniforms: np.ndarray, floor: np.ndarray, full: bool
) -> HierarchicalHMM:
    deviation, way = _windows(rows[:, 0], window)
    chaos = deviation > np.quantile(deviation, 2.0 / 3.0)
    calmer = way[~chaos] if (~chaos).any() else way
    groups = [~chaos & (way <= np.median(calmer)), ~chaos & (way > np.median(calmer)), chaos]
    means, variances = np.empty((2, 3, n_micro, rows.shape[1]))
    for m, group in enumerate(groups):
        part = rows[group] if np.count_nonzero(group) > n_micro else rows
        total = np.maximum(part.var(axis=0), floor)
        means[m] = seed_centres(part, 1.0 / total, uniforms[m], 10)
        variances[m] = np.maximum(cluster_variances(part, means[m], 1.0 / total, total), floor)
    covariances = variances[..., None] * np.eye(rows.shape[1]) if full else variances
    return HierarchicalHMM(
        np.full(3, 1.0 / 3.0),
        sticky_transitions(3, 0.98),
        np.full((3, n_micro), 1.0 / n_micro),
        np.repeat(sticky_transitions(n_micro, 0.7)[None], 3, axis=0),
        means,
        covariances,
    )


def fit_hierarchical(
    x: np.ndarray,
    generator: np.random.Generator,
    n_micro: int = 2,
    max_iter: int = 60,
    tol: float = 1e-5,
    min_variance: float = 1e-3,
    *,
    full: bool = False,
    window: int = 21,
    n_starts: int = 3,
) -> tuple[HierarchicalHMM, float]:
    """Maximum-likelihood two-level HMM with the macro states calm, trend and chaos.

    Starts from three groups of rows (a window's deviation and the way it makes tell them apart), each
    clustered into micro states; climbs by `hierarchical_em`; names states by `order_macros`. Within a
    macro state the micro states are ordered by their means, first feature first.

    Parameters
    ----------
    x : (T, d) array
        Finite rows in time order, the first feature a return; T > 6 ``n_micro`` and T >= ``window``.
    generator : numpy Generator
        Draws ``n_starts * 3 * n_micro`` uniforms.
    n_micro : int
        J >= 1.
    max_iter, tol, min_variance
        As in `hierarchical_em`.
    full : bool
        Full covariance matrices.
    window : int
        Rows, >= 3, of the windows that the start is made of.
    n_starts : int
        Independent starts, >= 1; the likeliest is kept.

    Returns
    -------
    model : HierarchicalHMM
    log_likelihood : float

    Raises
    ------
    DataError
        Too few rows, a value that is not finite, or a parameter out of range.

    Examples
    --------
    >>> g = np.random.default_rng(0)
    >>> x = np.concatenate([g.normal(0, s, (200, 1)) for s in (1.0, 5.0, 1.0, 5.0)])
    >>> model, _ = fit_hierarchical(x, g, n_micro=1, n_starts=1)
    >>> np.sqrt(model.covariances[2]).round().tolist()
    [[5.0]]
    """
    if n_micro < 1 or window < 3 or n_starts < 1:
        raise DataError(
            "fit_hierarchical: parameter out of range",
            got=f"n_micro={n_micro}, window={window}, n_starts={n_starts}",
            expected="n_micro >= 1, window >= 3, n_starts >= 1",
        )
    rows = finite_rows(x, max(6 * n_micro + 1, window))
    floor = variance_floor(rows, min_variance)
    best: tuple[float, HierarchicalHMM] | None = None
    for uniforms in generator.random((n_starts, 3, n_micro)):
        start = _first_guess(rows, n_micro, window, uniforms, floor, full)
        model, value = hierarchical_em(start, rows, max_iter, tol, min_variance)
        if best is None or value > best[0]:
            best = (value, model)
    assert best is not None
    return order_micros(order_macros(best[1], rows)), best[0]


def order_micros(model: HierarchicalHMM) -> HierarchicalHMM:
    """The model with the micro states of each macro state ordered by their means, first feature first."""
    order = np.array([np.lexsort(means.T[::-1]) for means in model.means])
    macro = np.arange(model.n_macro)[:, None]
    return HierarchicalHMM(
        model.macro_initial,
        model.macro_transition,
        model.entry[macro, order],
        model.micro_transition[macro[:, :, None], order[:, :, None], order[:, None, :]],
        model.means[macro, order],
        model.covariances[macro, order],
    )
