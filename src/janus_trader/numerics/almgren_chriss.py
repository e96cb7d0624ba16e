"""Almgren-Chriss optimal execution: holdings, cost and variance of a schedule.

Temporary impact comes in two notations. The paper charges a *rate*: trading n units in an interval of
length tau costs ``eta / tau * n**2``, so that eta does not depend on how finely the day is cut. Per *slice*
(`trajectory_per_slice`) the same is ``eta_slice * v**2``. The map is ``eta_slice = eta / tau``; permanent
impact, volatility and risk aversion (phi = lambda) are the same numbers in both.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from janus_trader.contracts.errors import DataError, Infeasible


class Urgency(NamedTuple):
    """Derived quantities: ``eta_tilde`` and the two kappas; ``kappa`` is NaN for an oscillating case."""

    eta_tilde: float
    kappa_tilde_squared: float
    kappa: float


def urgency(
    horizon: float, n_steps: int, sigma: float, eta: float, gamma: float, risk_aversion: float
) -> Urgency:
    r"""How fast the optimal schedule decays.

    .. math:: \tilde\eta = \eta - \tfrac12 \gamma \tau, \quad
              \tilde\kappa^2 = \lambda \sigma^2 / \tilde\eta, \quad
              \kappa = \tfrac1\tau \operatorname{arcosh}\big(\tfrac12 \tilde\kappa^2 \tau^2 + 1\big),
              \quad \tau = T / N

    Parameters as in `trajectory`; O(1). ``kappa`` is NaN for a negative risk aversion.

    Raises
    ------
    DataError
        A parameter out of range, or temporary impact too small for the permanent one
        (:math:`\tilde\eta \le 0`: the schedule would profit from trading against itself).

    Examples
    --------
    >>> round(urgency(5.0, 5, 0.95, 2.5e-6, 2.5e-7, 1e-6).kappa, 4)
    0.6071

    References
    ----------
    Almgren & Chriss (2000), Optimal execution of portfolio transactions, section 2.
    """
    numbers = (horizon, sigma, eta, gamma, risk_aversion)
    if n_steps < 1 or not all(map(math.isfinite, numbers)) or horizon <= 0.0 or min(sigma, eta, gamma) < 0.0:
        raise DataError(
            "no such execution problem",
            got=f"T={horizon}, N={n_steps}, sigma={sigma}, eta={eta}, gamma={gamma}, lambda={risk_aversion}",
            expected="T > 0, N >= 1, sigma, eta, gamma >= 0, all finite",
        )
    tau = horizon / n_steps
    eta_tilde = eta - 0.5 * gamma * tau
    if eta_tilde <= 0.0:
        raise DataError(
            "temporary impact is too small for the permanent impact",
            got=f"eta={eta}, gamma*tau/2={0.5 * gamma * tau}",
            expected="eta > gamma tau / 2",
            remedy="use more steps or a larger eta",
        )
    kappa_squared = risk_aversion * sigma * sigma / eta_tilde
    bend = 0.5 * kappa_squared * tau * tau
    # acosh(1 + b) = log1p(b + sqrt(b (b + 2))), without the cancellation of 1 + b for small b.
    kappa = math.log1p(bend + math.sqrt(bend * (bend + 2.0))) / tau if bend >= 0.0 else math.nan
    return Urgency(eta_tilde, kappa_squared, kappa)


def trajectory(
    quantity: float,
    horizon: float,
    n_steps: int,
    sigma: float,
    eta: float,
    gamma: float,
    risk_aversion: float,
    final: float = 0.0,
) -> np.ndarray:
    r"""Holdings of the schedule that minimises expected cost plus ``risk_aversion`` times variance.

    .. math:: x_j = \frac{X \sinh \kappa (T - t_j) + Y \sinh \kappa t_j}{\sinh \kappa T},
              \qquad t_j = j\, T / N

    evaluated in the scaled form :math:`e^{-\kappa t_j} (1 - e^{-2\kappa(T - t_j)}) / (1 - e^{-2\kappa T})`,
    which cannot overflow. Risk aversion 0 gives equal slices; a negative one (a risk seeker) trades
    late, with sines in place of the hyperbolic ones.

    Parameters
    ----------
    quantity : float
        X, units held at the start (negative: short); x_0 = X exactly.
    horizon : float
        T > 0, in the time unit of ``sigma`` and ``eta`` (days).
    n_steps : int
        N >= 1 trades at equal intervals.
    sigma : float
        Absolute volatility, price per square root of the time unit, >= 0.
    eta : float
        Temporary impact, price per (unit per time), >= 0; needs eta > gamma T / (2 N).
    gamma : float
        Permanent impact, price per unit, >= 0.
    risk_aversion : float
        lambda, 1 / currency.
    final : float
        Y, units to hold at the end; x_N = Y exactly. Variance is that of the whole holding, so that on the
        way to a large Y of the same sign it pays to hold less in between.

    Returns
    -------
    (N + 1,) array
        Holdings; the trades are ``-np.diff`` of it.

    Raises
    ------
    DataError
        A parameter out of range.
    Infeasible
        So negative a risk aversion that the objective has no minimum.

    Notes
    -----
    O(N).

    Examples
    --------
    >>> trajectory(1e6, 5.0, 5, 0.95, 2.5e-6, 2.5e-7, 2e-6).round().tolist()
    [1000000.0, 428599.0, 182933.0, 76296.0, 27643.0, 0.0]

    References
    ----------
    Almgren & Chriss (2000), Optimal execution of portfolio transactions, eq. (17).
    """
    if not (math.isfinite(quantity) and math.isfinite(final)):
        raise DataError("quantities must be finite", got=(quantity, final))
    derived = urgency(horizon, n_steps, sigma, eta, gamma, risk_aversion)
    share = _shares(derived, horizon, n_steps, risk_aversion)
    return quantity * share + final * share[::-1]


def _shares(derived: Urgency, horizon: float, n_steps: int, risk_aversion: float) -> np.ndarray:
    """sinh κ(T - t_j) / sinh κT (N + 1,), from 1 to 0; reversed it is the part of the final holding."""
    left = np.arange(n_steps, -1, -1, dtype=np.float64)
    tau = horizon / n_steps
    step = derived.kappa * tau
    bend = 0.5 * derived.kappa_tilde_squared * tau * tau
    if bend < 0.0:
        cosine = 1.0 + bend
        angle = math.acos(cosine) if cosine > -1.0 else math.pi
        if angle * n_steps >= math.pi:
            raise Infeasible(
                "the execution problem has no minimum",
                got=f"risk_aversion={risk_aversion}",
                expected="a risk aversion that is not so negative",
                remedy="raise risk_aversion or shorten the horizon",
            )
        share = np.sin(angle * left) / math.sin(angle * n_steps)
    elif step * n_steps < 1e-9:
        share = left / n_steps
    else:
        decay = np.exp(-step * (n_steps - left))
        share = decay * np.expm1(-2.0 * step * left) / math.expm1(-2.0 * step * n_steps)
    share[0], share[-1] = 1.0, 0.0
    return share


def trajectory_per_slice(
    x0: float,
    xn: float,
    n_steps: int,
    dt: float,
    sigma: float,
    eta_slice: float,
    gamma: float,
    phi: float,
) -> np.ndarray:
    r"""`trajectory` where temporary impact is given per slice: the programme

    .. math:: \min_x \sum_{k=1}^{N} \big( \eta_s v_k^2 + \gamma v_k x_k + \varphi \sigma^2 dt\, x_k^2 \big),
              \qquad v_k = x_{k-1} - x_k

    with x_0 and x_N given. Its solution has
    :math:`\kappa = \operatorname{arcosh}\big(1 + \varphi\sigma^2 dt / (2 (\eta_s - \gamma/2))\big)` per slice:

    .. math:: x_k = \frac{x_0 \sinh \kappa (N - k) + x_N \sinh \kappa k}{\sinh \kappa N}

    Parameters
    ----------
    x0, xn : float
        First and last holding, units.
    n_steps : int
        N >= 1.
    dt : float
        Length of a slice, > 0.
    sigma : float
        Absolute volatility, price per square root of the unit of ``dt``, >= 0.
    eta_slice : float
        η_s, currency per unit² traded in one slice, > gamma / 2: else trading to and fro would pay.
    gamma : float
        Permanent impact, price per unit, >= 0. As :math:`\sum v_k x_k = \tfrac12 (x_0^2 - x_N^2 - \sum v_k^2)`
        it only lowers η_s to η_s - γ/2.
    phi : float
        Risk aversion, 1 / currency: `trajectory`'s lambda.

    Returns
    -------
    (N + 1,) array
        Holdings. A half-spread on the volume leaves them unchanged as long as they are monotone.

    Notes
    -----
    O(N).

    Raises
    ------
    DataError, Infeasible
        As `trajectory`.

    Examples
    --------
    >>> trajectory_per_slice(100.0, 20.0, 4, 0.25, 1.0, 1.0, 0.0, 0.0).tolist()
    [100.0, 80.0, 60.0, 40.0, 20.0]

    References
    ----------
    Almgren & Chriss (2000), section 2.
    """
    return trajectory(x0, n_steps * dt, n_steps, sigma, eta_slice * dt, gamma, phi, final=xn)


def expected_cost(
    holdings: np.ndarray, horizon: float, eta: float, gamma: float, half_spread: float = 0.0
) -> float:
    r"""Expected shortfall against the arrival price of any schedule of holdings.

    .. math:: E = \tfrac12 \gamma (X^2 - Y^2) + \epsilon \sum_k |n_k| + \frac{\tilde\eta}{\tau} \sum_k n_k^2

    ``holdings`` (N + 1,) run from X to Y (mostly 0); ``half_spread`` is epsilon, price per unit. In
    currency; O(N).

    Raises
    ------
    DataError
        ``holdings`` is no schedule or ``horizon`` is not positive.

    Examples
    --------
    >>> x = trajectory(1e6, 5.0, 5, 0.95, 2.5e-6, 2.5e-7, 0.0)
    >>> round(expected_cost(x, 5.0, 2.5e-6, 2.5e-7, 0.0625))
    662500

    References
    ----------
    Almgren & Chriss (2000), eq. (4) and (5) with linear impact.
    """
    x, tau = _schedule(holdings, horizon)
    trades = -np.diff(x)
    eta_tilde = eta - 0.5 * gamma * tau
    impact = 0.5 * gamma * (x[0] ** 2 - x[-1] ** 2) + eta_tilde / tau * float(np.sum(trades**2))
    return float(impact + half_spread * np.abs(trades).sum())


def cost_variance(holdings: np.ndarray, horizon: float, sigma: float) -> float:
    r"""Variance of the shortfall of a schedule of holdings.

    .. math:: V = \sigma^2 \tau \sum_{k=1}^{N} x_k^2

    Parameters as in `expected_cost`; currency squared; O(N).

    Raises
    ------
    DataError
        ``holdings`` is no schedule or ``horizon`` is not positive.

    Examples
    --------
    >>> cost_variance(np.array([2.0, 1.0, 0.0]), 2.0, 3.0)
    9.0

    References
    ----------
    Almgren & Chriss (2000), eq. (6).
    """
    x, tau = _schedule(holdings, horizon)
    return float(sigma * sigma * tau * np.sum(x[1:] ** 2))


def _schedule(holdings: np.ndarray, horizon: float) -> tuple[np.ndarray, float]:
    x = np.asarray(holdings, dtype=np.float64)
    if x.ndim != 1 or x.size < 2 or not np.isfinite(x).all() or not horizon > 0.0:
        raise DataError(
            "not a schedule of holdings",
            got=f"shape {x.shape}, horizon={horizon}",
            expected="(N + 1,) finite holdings, N >= 1, and a positive horizon",
        )
    return x, horizon / (x.size - 1)
