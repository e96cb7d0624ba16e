"""Charts of the report, as plotly figures without their library (the page carries it once)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from janus_trader.contracts.decision import Posture
from janus_trader.contracts.memory import SleepReport
from janus_trader.contracts.regime import Regime
from janus_trader.runs.ledger import Ledger
from janus_trader.simulation.scenarios import PhaseSpan

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
_LEFT, _RIGHT = 64, 16
_NAMED_SHARE = 0.04  # of the span: narrower phases have no room for their name
SOURCE_COLOURS = (
    "#1f77b4", "#d35400", "#2e8b57", "#c0392b", "#8e44ad", "#7f5539", "#c2559d", "#5d6d7e", "#a0a020",
    "#17a2b8",
)  # fmt: skip
POSTURE_COLOURS = ("#dfeee3", "#f6e7b4", "#f3c98b", "#e59a7a", "#b03a2e")


def _times(ts: np.ndarray) -> np.ndarray:
    return ts.astype("datetime64[ns]").astype("datetime64[ms]")


def _layout(figure: go.Figure, height: int, **extra: Any) -> go.Figure:
    figure.update_layout(
        height=height,
        margin={"l": _LEFT, "r": _RIGHT, "t": 10, "b": 30},
        paper_bgcolor="white",
        plot_bgcolor="white",
        font={"family": "system-ui, sans-serif", "size": 12, "color": "#2c3e50"},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
        hovermode="x unified",
        **extra,
    )
    figure.update_xaxes(gridcolor="#eef1f4", zeroline=False)
    figure.update_yaxes(gridcolor="#eef1f4", zeroline=False)
    return figure


def _span(figure: go.Figure, ledger: Ledger) -> go.Figure:
    """The same time axis under every chart of a run, so that they can be read one below the other."""
    ends = _times(ledger.ts[[0, -1]])
    figure.update_xaxes(range=[str(ends[0]), str(ends[1])])
    return figure


def _sampled(ledger: Ledger, points: int) -> slice:
    return slice(None, None, max(1, len(ledger) // points))


def _key(figure: go.Figure, name: str, colour: str, **where: int) -> None:
    """A legend entry for a colour of a strip, which has none of its own."""
    import plotly.graph_objects as go

    marker = {"color": colour, "size": 11, "symbol": "square"}
    figure.add_trace(
        go.Scatter(x=[None], y=[None], mode="markers", marker=marker, name=name, hoverinfo="skip"), **where
    )


def _strip(x: np.ndarray, levels: Sequence[int], colours: Sequence[str], names: Sequence[str]) -> go.Heatmap:
    """One row of colours over time; ``levels`` index colours and names."""
    import plotly.graph_objects as go

    n = len(colours)
    scale = [[(i + e) / n, c] for i, c in enumerate(colours) for e in (0, 1)]
    return go.Heatmap(
        x=x,
        z=[list(levels)],
        text=[[names[i] for i in levels]],
        zmin=-0.5,
        zmax=n - 0.5,
        colorscale=scale,
        showscale=False,
        hovertemplate="%{x|%Y-%m-%d %H:%M}: %{text}<extra></extra>",
    )


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


def shade_phases(figure: go.Figure, phases: Sequence[PhaseSpan], first: int, last: int, row: int = 1) -> None:
    """Shade the known phases of a simulated market in the colours of their regimes, each with its name."""
    for phase in phases:
        if phase.end_ns <= first or phase.start_ns >= last:
            continue
        ends = _times(np.array([max(phase.start_ns, first), min(phase.end_ns, last)]))
        wide = phase.end_ns - phase.start_ns > _NAMED_SHARE * (last - first)
        figure.add_vrect(
            x0=str(ends[0]),
            x1=str(ends[1]),
            fillcolor=REGIME_COLOURS[phase.regime],
            opacity=0.13,
            line_width=0,
            layer="below",
            annotation_text=phase.name if wide and row == 1 else "",
            annotation_position="top left",
            annotation_font_size=11,
            row=row,
            col=1,
        )


def equity_and_drawdown(
    ledger: Ledger,
    baselines: Mapping[str, np.ndarray],
    line_ns: int | None,
    phases: Sequence[PhaseSpan] = (),
) -> go.Figure:
    """Equity of the run and the baselines (log scale) above their drawdowns; known phases shaded."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.68, 0.32], vertical_spacing=0.03)
    times = _times(ledger.ts)
    curves = {"janus": ledger.equity, **baselines}
    colours = {"janus": RUN_COLOUR, **dict(zip(baselines, BASELINE_COLOURS, strict=False))}
    for name in (*baselines, "janus"):  # the run last, above the others
        equity = curves[name]
        style = {"color": colours[name], "width": 2.2 if name == "janus" else 1.1}
        label = name.replace("_", " ")
        figure.add_trace(
            go.Scattergl(
                x=times,
                y=np.round(equity, 2),
                name=label,
                line=style,
                legendgroup=name,
                legendrank=1 if name == "janus" else 2,
            ),
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
    figure.update_yaxes(tickformat=".1~%", title="drawdown", row=2, col=1)
    _mark(figure, line_ns, int(ledger.ts[0]), int(ledger.ts[-1]))
    shade_phases(figure, phases, int(ledger.ts[0]), int(ledger.ts[-1]))
    return _span(_layout(figure, 560), ledger)


def regime_ribbon(ledger: Ledger) -> go.Figure:
    """The dominant regime as a strip, above the posterior over all seven stacked to 100 %."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.1, 0.9], vertical_spacing=0.03)
    part = _sampled(ledger, 2500)
    times = _times(ledger.ts[part])
    names = [regime.name.lower() for regime in Regime]
    colours = [REGIME_COLOURS[regime] for regime in Regime]
    figure.add_trace(_strip(times, ledger.dominant[part].tolist(), colours, names), row=1, col=1)
    for regime in Regime:
        figure.add_trace(
            go.Scatter(
                x=times,
                y=np.round(ledger.posterior[part, regime], 3),
                name=names[regime],
                stackgroup="one",
                line={"width": 0},
                fillcolor=colours[regime],
                hovertemplate="%{y:.0%}",
            ),
            row=2,
            col=1,
        )
    figure.update_yaxes(visible=False, row=1, col=1)
    figure.update_yaxes(range=[0, 1], tickformat=".0%", row=2, col=1)
    return _span(_layout(figure, 290), ledger)


def exposure(ledger: Ledger) -> go.Figure:
    """Gross and net exposure with the risk appetite."""
    import plotly.graph_objects as go

    times = _times(ledger.ts)
    figure = go.Figure()
    for name, values, colour in (
        ("gross", np.abs(ledger.weights).sum(axis=1), "#95a5a6"),
        ("net", ledger.weights.sum(axis=1), RUN_COLOUR),
        ("risk appetite", ledger.appetite, "#e6a117"),
    ):
        figure.add_trace(
            go.Scattergl(x=times, y=np.round(values, 3), name=name, line={"width": 1.1, "color": colour})
        )
    figure.update_yaxes(tickformat=".0%", rangemode="tozero", title="of equity")
    return _span(_layout(figure, 240), ledger)


def posture(ledger: Ledger) -> go.Figure:
    """Risk posture over time as a strip, from normal to halt."""
    import plotly.graph_objects as go

    stride = max(1, len(ledger) // 2500)
    worst = [int(ledger.posture[i : i + stride].max()) for i in range(0, len(ledger), stride)]
    names = [p.name.lower() for p in Posture]
    figure = go.Figure(_strip(_times(ledger.ts[::stride]), worst, POSTURE_COLOURS, names))
    for name, colour in zip(names, POSTURE_COLOURS, strict=True):
        _key(figure, name, colour)
    figure.update_yaxes(visible=False)
    return _span(_layout(figure, 130, showlegend=True), ledger)


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
            text=[f"{v:,.0f}" for _, v in ranked],
            textposition="outside",
            textfont={"size": 11},
            cliponaxis=False,
            hovertemplate="%{y}: %{x:,.0f}<extra></extra>",
        )
    )
    low, high = min(0.0, *values.values(), 0.0), max(0.0, *values.values(), 0.0)
    room = 0.22 * (high - low) or 1.0  # for the figures beside the bars
    figure.update_xaxes(
        title=f"{title}, currency", range=[low - room * (low < 0), high + room], nticks=6, tickformat="~s"
    )
    figure.update_yaxes(tickmode="linear", automargin=True, ticksuffix="  ")
    return _layout(figure, 90 + 22 * len(ranked), hoverlabel={"align": "left"})


def source_weights(ledger: Ledger) -> go.Figure:
    """Learned weight of every active source over time: above 0 it is followed, below 0 faded."""
    import plotly.graph_objects as go

    part = _sampled(ledger, 1500)
    times = _times(ledger.ts[part])
    figure = go.Figure()
    active = [i for i, on in enumerate(ledger.source_active) if on]
    for order, i in enumerate(active):
        figure.add_trace(
            go.Scattergl(
                x=times,
                y=np.round(ledger.source_weights[part, i], 4),
                name=ledger.source_names[i].replace("_", " "),
                line={"width": 1.3, "color": SOURCE_COLOURS[order % len(SOURCE_COLOURS)]},
            )
        )
    figure.add_hline(y=0.0, line={"color": "#2c3e50", "width": 1})
    figure.update_yaxes(title="weight")
    return _span(_layout(figure, 300, showlegend=True), ledger)


def nights(reports: Sequence[SleepReport]) -> go.Figure:
    """Candidates accepted and rejected by month (by day on spans under two months)."""
    import plotly.graph_objects as go

    ts = np.array([night.ts_event for night in reports], dtype=np.int64)
    unit = "D" if ts[-1] - ts[0] < 62 * 86_400 * 10**9 else "M"
    periods = ts.astype("datetime64[ns]").astype(f"datetime64[{unit}]")
    taken = np.array([sum(c.accepted for c in night.candidates) for night in reports])
    refused = np.array([len(night.candidates) for night in reports]) - taken
    starts = np.flatnonzero(np.append(True, periods[1:] != periods[:-1]))
    x = periods[starts].astype("datetime64[ms]")
    figure = go.Figure()
    for name, counts, colour in (("accepted", taken, "#2e8b57"), ("rejected", refused, "#c9d1d6")):
        figure.add_trace(go.Bar(x=x, y=np.add.reduceat(counts, starts), name=name, marker_color=colour))
    figure.update_yaxes(title=f"candidates a {'day' if unit == 'D' else 'month'}")
    return _layout(figure, 210, barmode="stack", bargap=0.05)


def costs(ledger: Ledger) -> go.Figure:
    """Cumulative costs in currency."""
    import plotly.graph_objects as go

    figure = go.Figure(
        go.Scattergl(
            x=_times(ledger.ts),
            y=np.round(ledger.costs, 2),
            name="costs so far",
            line={"color": "#c0392b", "width": 1.4},
        )
    )
    figure.update_yaxes(title="costs so far", rangemode="tozero")
    return _span(_layout(figure, 200), ledger)


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
            showscale=False,
            hovertemplate="%{y}, %{x|%Y-%m}: %{z:.0%}<extra></extra>",
        )
    )
    for name, colour in (("absent", "#f4d6d2"), ("part of the time", "#f6e7b4"), ("present", "#cfe8d5")):
        _key(figure, name, colour)
    figure.update_yaxes(autorange="reversed", tickmode="linear", automargin=True)
    return _layout(figure, 90 + 18 * len(names), showlegend=True)
