"""How figures are named and written, the same on the terminal and in the report."""

from __future__ import annotations

from typing import Any

#: Key in the summary, style of `number`, label: in the order of every table of figures.
COLUMNS = (
    ("final_equity", ",", "final equity"),
    ("annual_return", "%", "return a year"),
    ("annual_volatility", "%", "volatility"),
    ("sharpe", "", "Sharpe"),
    ("sortino", "", "Sortino"),
    ("calmar", "", "Calmar"),
    ("max_drawdown", "%", "max drawdown"),
    ("turnover", "", "turnover"),
    ("costs", ",", "costs"),
    ("time_in_market", "%", "in market"),
)
LABELS = {
    **{key: label for key, _, label in COLUMNS},
    "deflated_sharpe_prob": "deflated Sharpe probability",
}
STYLES = {**{key: style for key, style, _ in COLUMNS}, "deflated_sharpe_prob": "%"}


def number(value: Any, style: str = "") -> str:
    """A figure for a table; a dash where it is not defined.

    >>> number(0.1234, "%"), number(None), number(1234.5, ","), number("2016-01-04", "text")
    ('12.3%', '–', '1,234', '2016-01-04')
    """
    if value is None:
        return "–"
    if style == "text":
        return str(value)
    if style == "%":
        return f"{value:.1%}"
    if style == ",":
        return f"{value:,.0f}"
    return f"{value:.2f}"
