"""Allocation to a target variance, with positions that are really one bet cut automatically (M18)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple

import numpy as np
from msgspec import Meta

from janus_trader.contracts.errors import DataError, NotReady
from janus_trader.foundation.config import Config, Positive
from janus_trader.numerics.covariance import ledoit_wolf
from janus_trader.portfolio.covariance import checked_covariance
from janus_trader.portfolio.min_variance import min_variance


class DeriskingConfig(Config, frozen=True):
    """Window, target and limits of the covariance allocation."""

    window: Annotated[int, Meta(ge=2, description="latest times used")] = 500
    min_observations: Annotated[
        int, Meta(ge=2, description="times at which all instruments have a return")
    ] = 50
    target_variance: Annotated[Positive, Meta(description="of the book's return per period")] = 1e-4
    cap: Annotated[float, Meta(gt=0, le=10, description="largest weight")] = 1.0
    gross: Annotated[float, Meta(gt=0, le=100, description="cap on Σ|w|")] = 1.0
    threshold: Annotated[float, Meta(ge=0, lt=1, description="correlation above which positions are cut")] = (
        0.7
    )


class CovarianceAllocation(NamedTuple):
    """Weights (n,), their variance, and what set their size.

    ``limited_by`` is "target" when the variance is the target, otherwise the cap that came first.
    ``observations`` (n,) counts each instrument's returns in the window; one with too few has weight 0.
    """

    weights: np.ndarray
    variance: float
    limited_by: Literal["target", "cap", "gross"]
    observations: np.ndarray


def align_by_time(
    series: Mapping[str, tuple[np.ndarray, np.ndarray]], window: int
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Put return series of different instruments side by side by their times, never by their position.

    Parameters
    ----------
    series : mapping of name to (times, returns)
        Times strictly increasing int64 ns UTC, returns of the same length.
    window : int
        How many of the latest times (of any instrument) to keep, >= 1.

    Returns
    -------
    (names, times, table)
        Names sorted; times (T,) ascending, T <= window; table (T, n) with NaN where an instrument has
        no return. O(N log N) for N returns in all.

    Raises
    ------
    DataError
        No series; times and returns of different length; times that do not increase.

    Examples
    --------
    >>> a = (np.array([1, 2, 3]), np.array([0.1, 0.2, 0.3]))
    >>> b = (np.array([2, 4]), np.array([-0.1, -0.2]))
    >>> names, times, table = align_by_time({"a": a, "b": b}, 3)
    >>> times.tolist(), table.tolist()
    ([2, 3, 4], [[0.2, -0.1], [0.3, nan], [nan, -0.2]])
    """
    names = sorted(series)
    if not names or window < 1:
        raise DataError("nothing to align", got=f"{len(names)} series, window {window}", expected="both >= 1")
    stamps = {}
    for name in names:
        times, values = (np.asarray(a) for a in series[name])
        if times.ndim != 1 or times.shape != values.shape or (np.diff(times) <= 0).any():
            raise DataError(
                f"the series of {name} is not usable",
                got=f"times {times.shape}, returns {values.shape}",
                expected="as many times as returns, strictly increasing",
            )
        stamps[name] = times.astype(np.int64)
    times = np.unique(np.concatenate([stamps[name] for name in names]))[-window:]
    table = np.full((len(times), len(names)), np.nan)
    for column, name in enumerate(names):
        kept = stamps[name] >= times[0] if len(times) else np.zeros(0, np.bool_)
        table[np.searchsorted(times, stamps[name][kept]), column] = np.asarray(series[name][1])[kept]
    return names, times, table


def derisk_correlated(weights: np.ndarray, cov: np.ndarray, *, threshold: float = 0.7) -> np.ndarray:
    r"""Cut positions that move together in the direction they are held.

    .. math:: w_i' = w_i \Big/ \sqrt{1 + \sum_{j \ne i}
        \max\Big(0, \frac{s_i s_j \rho_{ij} - \rho_0}{1 - \rho_0}\Big) \min\Big(1, \frac{v_j}{v_i}\Big)},
        \qquad v_i = |w_i| \sigma_i

    with s the signs. Equal positions that are perfectly correlated end with the risk they would have
    if they were independent; hedges (negative s_i s_j ρ) and correlations up to ρ₀ are left alone.

    Parameters
    ----------
    weights : (n,)
        Signed, finite.
    cov : (n, n)
        As in `checked_covariance`.
    threshold : float
        ρ₀ in [0, 1).

    Returns
    -------
    (n,) array
        Same signs, never a larger position. The variance of the book can still rise where what is cut
        was hedged by something else: `covariance_allocation` therefore scales afterwards.

    Notes
    -----
    NaN is refused. O(n³) for the check, O(n²) for the rest.

    Raises
    ------
    DataError
        Inputs out of range or of the wrong shape.

    Examples
    --------
    >>> derisk_correlated(np.array([0.5, 0.5]), np.full((2, 2), 0.04)).round(6).tolist()
    [0.353553, 0.353553]
    """
    matrix = checked_covariance(cov)
    w = np.asarray(weights, dtype=np.float64)
    if w.shape != (len(matrix),) or not np.isfinite(w).all() or not 0.0 <= threshold < 1.0:
        raise DataError(
            "nothing to de-risk",
            got=f"weights {w.shape}, threshold {threshold}",
            expected=f"({len(matrix)},) finite, threshold in [0, 1)",
        )
    sigma = np.sqrt(np.diag(matrix))
    together = matrix / np.outer(sigma, sigma) * np.outer(np.sign(w), np.sign(w))
    excess = np.clip((together - threshold) / (1.0 - threshold), 0.0, 1.0)
    np.fill_diagonal(excess, 0.0)
    size = np.abs(w) * sigma
    relative = np.minimum(1.0, size[None, :] / np.where(size > 0.0, size, np.inf)[:, None])
    return w / np.sqrt(1.0 + (excess * relative).sum(axis=1))


def covariance_allocation(returns: np.ndarray, config: DeriskingConfig | None = None) -> CovarianceAllocation:
    r"""Long-only weights of least variance, correlated ones cut, scaled to a target variance.

    .. math:: w = k\, d, \qquad k = \min\Big(\sqrt{\frac{v}{d^\top \Sigma d}},\;
              \min_i \frac{c}{d_i},\; \frac{G}{\sum_i d_i}\Big)

    d is the long-only minimum-variance book (Σ⁻¹1 is minimum variance, not risk parity) after
    `derisk_correlated`; Σ is the Ledoit–Wolf covariance of the times at which all instruments have a return.

    What wins: a cap. It may leave the variance below the target and never lifts it above, because
    the whole book is scaled and nothing is clipped or renormalised afterwards.

    Parameters
    ----------
    returns : (T, n)
        One row a time (`align_by_time`), NaN where absent; the last ``config.window`` rows are used.
    config : DeriskingConfig, optional

    Returns
    -------
    CovarianceAllocation

    Notes
    -----
    Instruments with fewer than ``min_observations`` returns, or without any movement, get weight 0.
    O(T n² + n³).

    Raises
    ------
    DataError
        Not a table of returns.
    NotReady
        No instrument has enough returns, or too few times are common to those that have.

    Examples
    --------
    >>> g = np.random.default_rng(0)
    >>> out = covariance_allocation(g.normal(0, [0.02, 0.04], (500, 2)), DeriskingConfig(gross=2.0))
    >>> out.limited_by, bool(abs(out.variance - 1e-4) < 1e-12)
    ('target', True)

    References
    ----------
    Ledoit & Wolf (2004); Moreira & Muir (2017), Volatility-managed portfolios.
    """
    c = config or DeriskingConfig()
    table = np.asarray(returns, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] < 1 or np.isinf(table).any():
        raise DataError("not a table of returns", got=f"shape {table.shape}", expected="(T, n), NaN for gaps")
    table = table[-c.window :]
    present = ~np.isnan(table)
    observations = present.sum(axis=0)
    used = np.flatnonzero(observations >= c.min_observations)
    rows = table[present[:, used].all(axis=1)][:, used]
    if used.size == 0 or len(rows) < c.min_observations:
        raise NotReady(
            "too few returns for a covariance",
            got=f"{used.size} instruments with enough, {len(rows)} common times",
            expected=f"{c.min_observations} common times",
            remedy="wait, or leave out the instruments with gaps",
        )
    moving = np.ptp(rows, axis=0) > 0.0
    used, rows = used[moving], rows[:, moving]
    weights = np.zeros(table.shape[1])
    if used.size == 0:
        return CovarianceAllocation(weights, 0.0, "cap", observations)
    cov, _ = ledoit_wolf(rows)
    direction = derisk_correlated(min_variance(cov), cov, threshold=c.threshold)
    variance = float(direction @ cov @ direction)
    by_target = np.sqrt(c.target_variance / variance)
    by_cap, by_gross = c.cap / direction.max(), c.gross / direction.sum()
    scale = min(by_target, by_cap, by_gross)
    weights[used] = direction * scale
    by: Literal["target", "cap", "gross"] = "target"
    if scale < by_target:
        by = "cap" if by_cap <= by_gross else "gross"
    return CovarianceAllocation(weights, variance * scale**2, by, observations)
