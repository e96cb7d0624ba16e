"""The comparison as one HTML page that needs nothing but a browser."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from janus_trader.research.market_realism.catalogue import EVENT_NAMES
from janus_trader.research.market_realism.compare import Comparison, Row
from janus_trader.research.market_realism.measures import Curve, Fact, Measures

if TYPE_CHECKING:
    import plotly.graph_objects as go


class _Panel(NamedTuple):
    curve: str
    title: str
    x: str
    log_x: bool = False
    log_y: bool = False


_PANELS = (
    _Panel("spread", "Spread: share of time", "ticks"),
    _Panel("depth", "Depth: quantity over that within 10 ticks", "ticks behind the best"),
    _Panel("placement", "Limit orders: share by place", "ticks behind the best (negative: inside)"),
    _Panel("cancel", "Cancellations a second and lot", "ticks behind the best", log_y=True),
    _Panel("queue", "Best queue: share above", "means", True, True),
    _Panel("sizes", "Order size: share above", "means", True, True),
    _Panel("times", "Time between trades: share above", "means", True, True),
    _Panel("shape", "Activity by time of the recording", "share of the recording"),
    _Panel("signs", "Autocorrelation of trade signs", "trades", True, True),
    _Panel("volatility", "Autocorrelation of |changes over 10 trades|", "lags of 10 trades"),
    _Panel("tails", "|Change over 10 trades|: share above", "means", True, True),
    _Panel("kurtosis", "Excess kurtosis by scale", "trades", True),
    _Panel("response", "Response of the mid, half-spreads", "trades", True),
    _Panel("signature", "Variance a second over that of the longest", "mean times between trades", True),
)
_COLUMNS = 3
_SMALLEST_MEANS = 1e-4  # below, all curves are flat at 1
_REAL_COLOURS = ("#1f3a93", "#16a085", "#8e44ad", "#7f8c8d", "#2e8b57", "#5d6d9e")
_SIMULATED = "#e67e22"
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#2c3e50;background:#f5f7f9;margin:0}
main{max-width:1240px;margin:0 auto;padding:24px 16px 60px}
h1{font-size:26px;margin:0 0 4px}h2{font-size:18px;margin:0 0 6px}
section{background:#fff;border-radius:10px;padding:16px 18px;margin:16px 0;box-shadow:0 1px 3px #0001}
.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:13px;width:100%}
th,td{padding:4px 8px;text-align:right;border-bottom:1px solid #eef1f4;white-space:nowrap}
th:first-child,td:first-child,td:last-child,th:last-child{text-align:left;white-space:normal}
thead th{color:#7b8a97;font-weight:600}th:first-child{min-width:260px}th:last-child{min-width:180px}
td small{color:#6b7a87;display:block}
tr.fails td:last-child{color:#b03a2e;font-weight:600}tr.agrees td:last-child{color:#23744a}
tr.silent td{color:#8a97a3}.muted{color:#6b7a87;font-size:13px;margin:0 0 8px}
"""


def written(fact: Fact) -> str:
    """Value and interval of a fact, a dash where there is none.

    >>> written(Fact(0.5, 0.4, 0.62)), written(Fact(reason="no trades"))
    ('0.5 [0.4, 0.62]', '–')
    """
    if fact.value is None:
        return "–"
    if fact.low is None or fact.high is None:
        return f"{fact.value:.3g}"
    return f"{fact.value:.3g} [{fact.low:.3g}, {fact.high:.3g}]"


def comparison_page(comparison: Comparison) -> str:
    """The whole page. About 5 MB, most of it the chart library."""
    parts = [
        f"<h1>{html.escape(comparison.simulated.name)} beside "
        f"{html.escape(', '.join(one.name for one in comparison.real))}</h1>",
        f"<p>{html.escape(comparison.summary())}</p>",
        _section("Where it fails", _failures(comparison)),
        _section("The pictures", _charts(comparison)),
        _section("Every fact", _table(comparison)),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Market realism</title>'
        f"<style>{_STYLE}</style></head><body><main>{''.join(parts)}</main></body></html>"
    )


def _section(title: str, body: str) -> str:
    return f"<section><h2>{title}</h2>{body}</section>"


def _failures(comparison: Comparison) -> str:
    failures = comparison.failures()
    if not failures:
        return "<p>In no fact that could be measured.</p>"
    items = "".join(f"<li>{html.escape(row.title)}: {html.escape(row.verdict[7:])}</li>" for row in failures)
    return f"<ul>{items}</ul>"


def _table(comparison: Comparison) -> str:
    names = [html.escape(one.name) for one in (*comparison.real, comparison.simulated)]
    head = "".join(f"<th>{name}</th>" for name in ("fact", *names, "verdict"))
    rows = "".join(_table_row(row) for row in comparison.rows)
    spans = "; ".join(
        f"{html.escape(one.name)}: {one.seconds:,.0f} s, {one.trades:,} aggressive orders"
        for one in (*comparison.real, comparison.simulated)
    )
    note = (
        "In brackets: 95 % intervals of a block bootstrap. A fact agrees where the simulated interval meets the "
        f"range of the real ones, whose names follow where it meets their own. {spans}."
    )
    return (
        f'<p class="muted">{note}</p><div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _table_row(row: Row) -> str:
    kind = {True: "agrees", False: "fails", None: "silent"}[row.agrees]
    unit = f", {row.unit}" if row.unit else ""
    known = f"<small>real markets: {html.escape(row.known)}</small>" if row.known else ""
    cells = "".join(f"<td>{_cell(fact)}</td>" for fact in (*row.real, row.simulated))
    return (
        f'<tr class="{kind}"><td>{html.escape(row.title + unit)}{known}</td>{cells}'
        f"<td>{html.escape(row.verdict)}</td></tr>"
    )


def _cell(fact: Fact) -> str:
    """As `written`, the interval below the value."""
    value, _, interval = written(fact).partition(" ")
    return f"{value}<small>{interval}</small>" if interval else value


def _charts(comparison: Comparison) -> str:
    """Every curve in a grid, then the transitions between events of each market."""
    every = [(one, _REAL_COLOURS[k % len(_REAL_COLOURS)]) for k, one in enumerate(comparison.real)]
    every.append((comparison.simulated, _SIMULATED))
    curves = _curves(every)
    transitions = _transitions([one for one, _ in every])
    settings: dict[str, Any] = {"full_html": False, "config": {"displayModeBar": False}}
    first = curves.to_html(include_plotlyjs=True, **settings)
    return str(first) + str(transitions.to_html(include_plotlyjs=False, **settings))


def _curves(markets: list[tuple[Measures, str]]) -> go.Figure:
    from plotly.subplots import make_subplots

    rows = -(-len(_PANELS) // _COLUMNS)
    figure = make_subplots(
        rows=rows, cols=_COLUMNS, subplot_titles=[panel.title for panel in _PANELS],
        vertical_spacing=0.07, horizontal_spacing=0.07,
    )  # fmt: skip
    for k, panel in enumerate(_PANELS):
        at = {"row": k // _COLUMNS + 1, "col": k % _COLUMNS + 1}
        for market, colour in markets:
            if panel.curve in market.curves:
                _line(figure, panel, market.curves[panel.curve], market.name, colour, at)
        figure.update_xaxes(title=panel.x, **_axis(panel.log_x), **at)
        figure.update_yaxes(**_axis(panel.log_y), **at)
    for market, colour in markets:
        _key(figure, market.name, colour)
    figure.update_layout(legend={"orientation": "h", "y": 1.03, "yanchor": "bottom", "x": 0})
    return _plain(figure, 300 * rows)


def _axis(logarithmic: bool) -> dict[str, Any]:
    return {"type": "log", "dtick": 1} if logarithmic else {"type": "linear"}


def _line(figure: go.Figure, panel: _Panel, curve: Curve, name: str, colour: str, at: dict[str, int]) -> None:
    import plotly.graph_objects as go

    shown = np.isfinite(curve.y) & ((curve.y > 0) if panel.log_y else True)
    if panel.x == "means":
        shown &= curve.x >= _SMALLEST_MEANS
    x, y = curve.x[shown], curve.y[shown]
    if curve.low is not None and curve.high is not None:
        low, high = curve.low[shown], curve.high[shown]
        if panel.log_y:
            low = np.maximum(low, y / 10.0)  # an interval that reaches 0 ends nowhere on a logarithmic axis
        band = {"x": np.concatenate((x, x[::-1])), "y": _short(np.concatenate((high, low[::-1])))}
        figure.add_trace(
            go.Scatter(
                **band, mode="lines", fill="toself", fillcolor=_faint(colour), line={"width": 0}, hoverinfo="skip",
                showlegend=False,
            ),
            **at,
        )  # fmt: skip
    width = 2.4 if colour == _SIMULATED else 1.6
    style = {"mode": "lines+markers" if curve.low is not None else "lines", "marker": {"size": 4}}
    line = {"color": colour, "width": width}
    figure.add_trace(
        go.Scatter(x=_short(x), y=_short(y), name=name, line=line, showlegend=False, **style), **at
    )


def _key(figure: go.Figure, name: str, colour: str) -> None:
    import plotly.graph_objects as go

    figure.add_trace(
        go.Scatter(x=[None], y=[None], mode="lines", line={"color": colour, "width": 3}, name=name),
        row=1,
        col=1,
    )


def _transitions(markets: list[Measures]) -> go.Figure:
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=1, cols=len(markets), subplot_titles=[one.name for one in markets])
    n = len(EVENT_NAMES)
    for k, market in enumerate(markets, 1):
        curve = market.curves.get("transitions")
        if curve is None:
            continue
        z = np.round(curve.y.reshape(n, n), 3)
        figure.add_trace(
            go.Heatmap(
                z=z, x=EVENT_NAMES, y=EVENT_NAMES, zmin=0.0, zmax=1.0, colorscale="Blues", showscale=False,
                texttemplate="%{z:.2f}", hovertemplate="%{y} → %{x}: %{z:.3f}<extra></extra>",
            ),
            row=1, col=k,
        )  # fmt: skip
        figure.update_yaxes(autorange="reversed", row=1, col=k)
    figure.update_layout(title="What follows what: rows, the event before; columns, the event after")
    return _plain(figure, 280, top=90)


def _plain(figure: go.Figure, height: int, top: int = 60) -> go.Figure:
    figure.update_layout(
        height=height, paper_bgcolor="white", plot_bgcolor="white", margin={"l": 60, "r": 20, "t": top, "b": 50},
        font={"family": "system-ui, sans-serif", "size": 12, "color": "#2c3e50"},
    )  # fmt: skip
    figure.update_xaxes(gridcolor="#eef1f4", zeroline=False, exponentformat="power")
    figure.update_yaxes(gridcolor="#eef1f4", zeroline=False, exponentformat="power")
    figure.update_annotations(font_size=13)
    return figure


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.15)"


def _short(values: np.ndarray) -> list[float]:
    """Five digits: the page need not carry more."""
    return [float(f"{v:.5g}") for v in values]
