"""A simulated market as one page: prices, volume and spread over the phases that are known."""

from __future__ import annotations

from typing import Any

import numpy as np

from janus_trader.runs.report_charts import shade_phases
from janus_trader.simulation.scenarios import SESSION_MINUTES, SimulatedMarket
from janus_trader.simulation.scenarios.summary import market_level

_POINTS = 4000
_LINES = 8  # instruments drawn beside the market
_COLOURS = ("#c9d3de", "#1f3a93", "#7f8c8d", "#e67e22")


def market_page(market: SimulatedMarket, title: str) -> str:
    """HTML that needs nothing but a browser. Cost O(T n) and about 5 MB, most of it the chart library."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    figure = make_subplots(
        rows=3, cols=1, shared_xaxes=True, row_heights=[0.62, 0.19, 0.19], vertical_spacing=0.03
    )
    every = slice(None, None, max(1, len(market) // _POINTS))
    times = market.ts[every].astype("datetime64[ns]").astype("datetime64[ms]")
    close = np.where(market.present, market.bars["close"], np.nan)
    first = close[np.isfinite(close).argmax(axis=0), np.arange(close.shape[1])]
    line = {"color": _COLOURS[0], "width": 0.8}
    for i, symbol in enumerate(market.symbols[:_LINES]):
        path = np.round(100.0 * close[every, i] / first[i], 3)
        figure.add_trace(go.Scatter(x=times, y=path, name=symbol, line=line, showlegend=False), 1, 1)
    traded = market.present.any(axis=1)
    level = np.round(np.where(traded, market_level(market), np.nan), 3)[every]
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.nansum(market.bars["spread"], axis=1) / market.present.sum(axis=1)
    for row, (name, y) in enumerate(
        (
            ("market", level),
            ("volume", market.bars["volume"].sum(axis=1)[every]),
            ("spread, bps", np.round(spread, 3)[every]),
        ),
        1,
    ):
        style = {"color": _COLOURS[row], "width": 1.6 if row == 1 else 1.0}
        figure.add_trace(go.Scatter(x=times, y=y, name=name, line=style), row, 1)
        figure.update_yaxes(title=name if row > 1 else "first close = 100", row=row, col=1)
    for row in (1, 2, 3):
        shade_phases(figure, market.spans, int(market.ts[0]), int(market.ts[-1]), row=row)
    gaps: list[dict[str, Any]] = [{"bounds": ["sat", "mon"]}]
    if market.bar_minutes < SESSION_MINUTES:
        gaps.append({"bounds": [16, 8], "pattern": "hour"})
    figure.update_xaxes(rangebreaks=gaps, gridcolor="#eef1f4")
    figure.update_yaxes(gridcolor="#eef1f4", zeroline=False)
    figure.update_layout(
        title=title,
        height=720,
        showlegend=False,
        paper_bgcolor="white",
        plot_bgcolor="white",
        hovermode="x unified",
        font={"family": "system-ui, sans-serif", "size": 12, "color": "#2c3e50"},
        margin={"l": 70, "r": 20, "t": 50, "b": 30},
    )
    return str(figure.to_html(full_html=True, include_plotlyjs=True))
