"""A study of cost forecasts as tables and in words."""

from __future__ import annotations

from janus_trader.research.cost_forecast_study import CostForecastStudy, Interval

ROW_COLUMNS = (
    "world", "model", "slices", "mean cost, bps", "uncorrected error, bps", "corrected error, bps", "difference, bps",
)  # fmt: skip
LATE_COLUMNS = (
    "fills reported late by", "error without Smith predictor, bps", "with it, bps", "difference, bps",
)  # fmt: skip


def shown(x: Interval) -> str:
    """A mean with its interval.

    >>> shown(Interval(value=-0.5, low=-0.75, high=-0.25))
    '-0.50 (-0.75 to -0.25)'
    """
    return f"{x.value:.2f} ({x.low:.2f} to {x.high:.2f})"


def forecast_rows(study: CostForecastStudy) -> list[list[str]]:
    """Rows under `ROW_COLUMNS`."""
    return [
        [
            r.world, r.model, f"{r.slices:,}", f"{r.cost_bps:.1f}", shown(r.uncorrected_bps), shown(r.corrected_bps),
            shown(r.difference_bps),
        ]
        for r in study.rows
    ]  # fmt: skip


def late_rows(study: CostForecastStudy) -> list[list[str]]:
    """Rows under `LATE_COLUMNS`."""
    return [
        [f"{r.dead_time} slices", shown(r.plain_bps), shown(r.smith_bps), shown(r.difference_bps)]
        for r in study.dead_time
    ]


def in_words(study: CostForecastStudy) -> list[str]:
    """What the tables say about the whole, good or bad."""
    better = [r for r in study.rows if r.difference_bps.high < 0.0]
    worse = [r for r in study.rows if r.difference_bps.low > 0.0]
    helped = ", ".join(f"{r.world}/{r.model}" for r in better) or "none"
    hurt = ", ".join(f"{r.world}/{r.model}" for r in worse) or "none"
    return [
        f"{study.seeds} lives of {study.orders} parent orders in each world; root mean squared error of the forecast "
        "of every slice's cost.",
        f"The correction makes the error smaller, with the whole 95 % interval below zero, in: {helped}. "
        f"It makes it larger in: {hurt}.",
        "In brackets: 95 % bootstrap interval over lives.",
    ]


def markdown(study: CostForecastStudy) -> str:
    """The whole study as Markdown."""
    parts = ["\n\n".join(in_words(study)), ""]
    for title, columns, rows in (
        ("Corrected and uncorrected forecasts", ROW_COLUMNS, forecast_rows(study)),
        ("Late reports", LATE_COLUMNS, late_rows(study)),
    ):
        lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
        parts += [f"### {title}", "", *lines, *("| " + " | ".join(row) + " |" for row in rows), ""]
    return "\n".join(parts)
