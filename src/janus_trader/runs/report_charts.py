"""Charts of the report, as plotly figures without their library (the page carries it once)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from janus_trader.contracts.decision import Posture
from janus_trader.contracts.regime import Regime
from janus_trader.runs.ledger import Ledger

if TYPE_CHECKING:
    import plotly.graph_objects as go

#: One colour a regime, the same in every chart.
REGIME_COLOURS = {
    Regime.BULL: "#2e8b57",
    Regime.BEAR: "#c0392b",
    Regime.RANGING: "#95a5a6",
    Regime.CRISIS: "#6c1d45",
    Regime.RECOVERY: "#27a0b5",
    Regime.BUBBLE: "#e6a117",
    Regime.DEFLATION: "#5d6d9e",
}
RUN_COLOUR = "#1f3a93"
BASELINE_COLOURS = ("#e67e22", "#7f8c8d", "#16a085", "#8e44ad")
POSTURE_COLOURS = ("#dfeee3", "#f6e7b4", "#f3c98b", "#e59a7a", "#b03a2e")


def _times(ts: np.ndarray) -> np.ndarray:
    return ts.astype("datetime64[ns]").astype("datetime64[ms]")


def _layout(figure: go.Figure, height: int, **extra: Any) -> go.Figure:
    figure.update_layout(
        height=height,
        margin={"l": 60, "r": 16, "t": 10, "b": 30},
        paper_bgcolor="white",
        plot_bgcolor="white",
        font={"family": "system-ui, sans-serif", "size": 12, "color": "#2c3e50"},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        hovermode="x unified",
        **extra,
    )
    figure.update_xaxes(gridcolor="#eef1f4", zeroline=False)
    figure.update_yaxes(gridcolor="#eef1f4", zeroline=False)
    return figure


def _mark(figure: go.Figure, line_ns: int | None, first: int, last: int) -> None:
    if line_ns is not None and first < line_ns < last:
        when = str(np.datetime64(line_ns, "ns").astype("datetime64[ms]"))
        figure.add_vline(x=when, line={"color": "#2c3e50", "width": 1.2, "dash": "dash"})
        figure.add_annotation(
            x=when,
            y=1,
            yref="paper",
            text="held out from here",
            showarrow=False,
            xanchor="left",
            yanchor="top",
        )


def equity_and_drawdown(
    ledger: Ledger, baselines: Mapping[str, np.ndarray], line_ns: int | None
) -> go.Figure:
    """Equity of the run and the baselines (log scale) above their drawdowns."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.68, 0.32], vertical_spacing=0.03)
    times = _times(ledger.ts)
    curves = {"janus": ledger.equity, **baselines}
    colours = {"janus": RUN_COLOUR, **dict(zip(baselines, BASELINE_COLOURS, strict=False))}
    for name, equity in curves.items():
        style = {"color": colours[name], "width": 2.2 if name == "janus" else 1.1}
        label = name.replace("_", " ")
        figure.add_trace(
            go.Scattergl(x=times, y=np.round(equity, 2), name=label, line=style, legendgroup=name),
            row=1,
            col=1,
        )
        drawdown = equity / np.maximum.accumulate(equity) - 1.0
        figure.add_trace(
            go.Scattergl(
                x=times, y=np.round(drawdown, 4), name=label, line=style, legendgroup=name, showlegend=False
            ),
            row=2,
            col=1,
        )
    figure.update_yaxes(type="log", title="equity", row=1, col=1)
    figure.update_yaxes(tickformat=".0%", title="drawdown", row=2, col=1)
    _mark(figure, line_ns, int(ledger.ts[0]), int(ledger.ts[-1]))
    return _layout(figure, 560)


def regime_ribbon(ledger: Ledger) -> go.Figure:
    """The posterior over the seven regimes, stacked to 100 %."""
    import plotly.graph_objects as go

    figure = go.Figure()
    stride = max(1, len(ledger) // 2500)
    times = _times(ledger.ts[::stride])
    for regime in Regime:
        figure.add_trace(
            go.Scatter(
                x=times,
                y=np.round(ledger.posterior[::stride, regime], 3),
                name=regime.name.lower(),
                stackgroup="one",
                line={"width": 0},
                fillcolor=REGIME_COLOURS[regime],
            )
        )
    figure.update_yaxes(range=[0, 1], tickformat=".0%")
    return _layout(figure, 230)


def exposure(ledger: Ledger) -> go.Figure:
    """Gross and net exposure with the risk appetite."""
    import plotly.graph_objects as go

    times = _times(ledger.ts)
    figure = go.Figure()
    for name, values, colour in (
        ("gross", np.abs(ledger.weights).sum(axis=1), "#34495e"),
        ("net", ledger.weights.sum(axis=1), RUN_COLOUR),
        ("appetite", ledger.appetite, "#e6a117"),
    ):
        figure.add_trace(
            go.Scattergl(x=times, y=np.round(values, 3), name=name, line={"width": 1.1, "color": colour})
        )
    return _layout(figure, 240)


def posture(ledger: Ledger) -> go.Figure:
    """Risk posture over time, from normal to halt."""
    import plotly.graph_objects as go

    stride = max(1, len(ledger) // 2500)
    worst = [int(ledger.posture[i : i + stride].max()) for i in range(0, len(ledger), stride)]
    scale = [[round(0.2 * (i + e), 1), c] for i, c in enumerate(POSTURE_COLOURS) for e in (0, 1)]
    figure = go.Figure(
        go.Heatmap(
            x=_times(ledger.ts[::stride]),
            z=[worst],
            zmin=-0.5,
            zmax=4.5,
            colorscale=scale,
            colorbar={
                "tickvals": list(range(5)),
                "ticktext": [p.name.lower() for p in Posture],
                "thickness": 10,
            },
            hovertemplate="%{x|%Y-%m-%d}: %{z}<extra></extra>",
        )
    )
    figure.update_yaxes(visible=False)
    return _layout(figure, 120)


def attribution(values: Mapping[str, float], title: str) -> go.Figure:
    """Profit by name as horizontal bars, largest at the top."""
    import plotly.graph_objects as go

    ranked = sorted(values.items(), key=lambda item: item[1])
    figure = go.Figure(
        go.Bar(
            x=[round(v, 2) for _, v in ranked],
            y=[k.replace("_", " ") for k, _ in ranked],
            orientation="h",
            marker_color=["#2e8b57" if v >= 0 else "#c0392b" for _, v in ranked],
        )
    )
    figure.update_xaxes(title=title)
    return _layout(figure, 70 + 22 * len(ranked))


def source_weights(ledger: Ledger) -> go.Figure:
    """Learned weight of every active source over time: above 0 it is followed, below 0 faded."""
    import plotly.graph_objects as go

    stride = max(1, len(ledger) // 1500)
    times = _times(ledger.ts[::stride])
    figure = go.Figure()
    for i, name in enumerate(ledger.source_names):
        if ledger.source_active[i]:
            figure.add_trace(
                go.Scattergl(
                    x=times,
                    y=np.round(ledger.source_weights[::stride, i], 4),
                    name=name.replace("_", " "),
                    line={"width": 1.2},
                )
            )
    figure.update_yaxes(title="weight")
    return _layout(figure, 280)


def costs(ledger: Ledger) -> go.Figure:
    """Cumulative costs in currency."""
    import plotly.graph_objects as go

    figure = go.Figure(
        go.Scattergl(
            x=_times(ledger.ts), y=np.round(ledger.costs, 2), line={"color": "#c0392b", "width": 1.4}
        )
    )
    figure.update_yaxes(title="costs so far")
    return _layout(figure, 200)


def coverage(names: Sequence[str], times: np.ndarray, share: np.ndarray) -> go.Figure:
    """Share of bars in which each feature was present, by period: (periods, features)."""
    import plotly.graph_objects as go

    figure = go.Figure(
        go.Heatmap(
            x=_times(times),
            y=[n.replace("_", " ") for n in names],
            z=np.round(share.T, 2),
            zmin=0,
            zmax=1,
            colorscale=[[0, "#f4d6d2"], [0.5, "#f6e7b4"], [1, "#cfe8d5"]],
            colorbar={"thickness": 10, "tickformat": ".0%"},
            hovertemplate="%{y}, %{x|%Y-%m}: %{z:.0%}<extra></extra>",
        )
    )
    return _layout(figure, 80 + 18 * len(names))
