"""A recording of a book as a picture: depth over time with the best prices and trades, imbalance, volume."""

from __future__ import annotations

import html
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from janus_trader.contracts.errors import DataError
from janus_trader.foundation.files import write_atomic
from janus_trader.numerics.book_depth import depth_at, ladder_at
from janus_trader.numerics.book_replay import Replay
from janus_trader.stores.book_recordings import BookRecording

if TYPE_CHECKING:
    import plotly.graph_objects as go

_MOMENTS, _BANDS = 900, 220
_MOST_TRADES = 2_500
_BUY, _SELL, _INK = "#1a7f5a", "#c0392b", "#1b2733"
#: Asks to the left of the middle, bids to its right, nobody in white.
_SCALE = (
    (0.0, "#7f1d1d"), (0.15, "#d1603d"), (0.35, "#f2b99b"), (0.49, "#fdf1ea"), (0.5, "#ffffff"),
    (0.51, "#eaf2fb"), (0.65, "#9dc3e6"), (0.85, "#2f75b5"), (1.0, "#12365f"),
)  # fmt: skip


def book_figure(recording: BookRecording, replayed: Replay, levels: int = 10) -> go.Figure:
    """Depth, best prices and trades over time; below, imbalance of the best ``levels`` levels, and volume.

    Depth is drawn where the best prices went and some ticks around; the darker the more, on a logarithmic
    scale. The prices are bands of several ticks where the range is wide.

    Raises
    ------
    DataError
        Nothing happens after the opening, or never do both sides quote.
    """
    from plotly.subplots import make_subplots

    at = _moments(recording)
    best = replayed.best[at]
    both = (best["bid"] >= 0) & (best["ask"] >= 0)
    if not both.any():
        raise DataError(
            f"{recording.header.symbol}: nothing to draw", expected="bids and asks at some moment"
        )
    figure = make_subplots(
        rows=3, cols=1, shared_xaxes=True, row_heights=[0.7, 0.15, 0.15], vertical_spacing=0.025
    )
    times = _times(recording.ts_event[at])
    low, step, n = _bands(best[both])
    _depth(figure, recording, times, at, (low, step, n))
    _best_prices(figure, recording, times, best)
    trades = recording.trades(replayed)
    _trades(figure, recording, trades)
    _imbalance(figure, recording, times, at, levels)
    _volume(figure, recording, trades, recording.ts_event[at])
    _arrange(figure, recording, (low, step, n), levels)
    return figure


def write_page(path: Path, figure: go.Figure, title: str, notes: list[str]) -> None:
    """Write the figure as one page that needs no network."""
    from plotly.offline import get_plotlyjs

    body = figure.to_html(
        full_html=False, include_plotlyjs=False, config={"responsive": True, "scrollZoom": True}
    )
    lines = "".join(f"<p>{html.escape(note)}</p>" for note in notes)
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        "<style>body{font:14px/1.45 system-ui,sans-serif;color:#1b2733;margin:18px 26px}h1{font-size:20px;"
        "margin:0 0 6px}p{margin:2px 0;color:#46535f}</style>"
        f"<script>{get_plotlyjs()}</script></head><body><h1>{html.escape(title)}</h1>{lines}{body}</body></html>"
    )
    write_atomic(path, page.encode())


def _times(ts: np.ndarray) -> np.ndarray:
    return ts.astype("datetime64[ns]").astype("datetime64[us]")


def _moments(recording: BookRecording) -> np.ndarray:
    """Index of the last message before each of evenly spaced moments after the opening."""
    ts, first = recording.ts_event, recording.header.opening
    if len(ts) <= first:
        raise DataError(f"{recording.header.symbol}: nothing to draw", expected="messages after the opening")
    moments = np.linspace(ts[first], ts[-1], _MOMENTS)
    return np.maximum(np.searchsorted(ts, moments, side="right") - 1, first)


def _bands(best: np.ndarray) -> tuple[int, int, int]:
    """First price, ticks a band and number of bands around where the best prices went, but for their extremes."""
    low = int(np.quantile(best["bid"], 0.002))
    high = int(np.quantile(best["ask"], 0.998))
    around = max(8, (high - low) // 4)
    low, high = low - around, high + around
    step = max(1, -(-(high - low + 1) // _BANDS))
    return low, step, -(-(high - low + 1) // step)


def _depth(
    figure: go.Figure,
    recording: BookRecording,
    times: np.ndarray,
    at: np.ndarray,
    bands: tuple[int, int, int],
) -> None:
    import plotly.graph_objects as go

    low, step, n = bands
    quantity = (
        ladder_at(recording.fresh_book(), recording.messages, at, low, step, n).T * recording.header.lot
    )
    shade, most = _shades(quantity)
    prices = recording.price(low + step * np.arange(n) + (step - 1) // 2)
    figure.add_trace(
        go.Heatmap(
            x=times, y=prices, z=np.round(shade, 3), zmin=-most, zmax=most, colorscale=_SCALE, showscale=False,
            customdata=np.round(np.abs(quantity), 6), name="depth",
            hovertemplate="%{x|%H:%M:%S.%L}  %{y}: %{customdata}<extra></extra>",
        ),
        row=1, col=1,
    )  # fmt: skip


def _shades(quantity: np.ndarray) -> tuple[np.ndarray, float]:
    """Signed logarithms of quantities in usual ones, and the one that gets the darkest colour.

    The usual quantity is the median: a few large orders do not wash out the rest of the picture.
    """
    there = np.abs(quantity[quantity != 0])
    if not len(there):
        return np.zeros_like(quantity), 1.0
    shade = np.log1p(np.abs(quantity) / float(np.median(there)))
    return np.sign(quantity) * shade, float(np.quantile(shade[quantity != 0], 0.998))


def _best_prices(figure: go.Figure, recording: BookRecording, times: np.ndarray, best: np.ndarray) -> None:
    import plotly.graph_objects as go

    for name, colour in (("ask", "#8f2d16"), ("bid", "#0f4c81")):
        figure.add_trace(
            go.Scatter(
                x=times, y=recording.price(best[name]), name=f"best {name}", mode="lines", hoverinfo="skip",
                line={"color": colour, "width": 1.3, "shape": "hv"},
            ),
            row=1, col=1,
        )  # fmt: skip


def _trades(figure: go.Figure, recording: BookRecording, trades: np.ndarray) -> None:
    """The largest trades as discs whose area is their quantity."""
    import plotly.graph_objects as go

    largest = np.argsort(trades["quantity"], kind="stable")[-_MOST_TRADES:]
    shown = trades[np.sort(largest)]
    for name, colour in (("buys", _BUY), ("sells", _SELL)):
        key = {"size": 9, "color": colour}
        figure.add_trace(go.Scatter(x=[None], y=[None], mode="markers", marker=key, name=name), row=1, col=1)
    if not len(shown):
        return
    usual = float(np.quantile(shown["quantity"], 0.98))
    size = np.clip(11.0 * np.sqrt(shown["quantity"] / usual), 1.5, 18.0)
    bought = shown["side"] == 0
    figure.add_trace(
        go.Scattergl(
            x=_times(recording.ts_event[shown["message"]]), y=recording.price(shown["price"]), mode="markers",
            customdata=np.round(shown["quantity"] * recording.header.lot, 8), showlegend=False, name="trade",
            text=np.where(bought, "bought", "sold"),
            marker={"size": np.round(size, 1), "color": np.where(bought, _BUY, _SELL), "opacity": 0.75,
                    "line": {"width": 0.4, "color": "white"}},
            hovertemplate="%{x|%H:%M:%S.%L}  %{y}: %{text} %{customdata}<extra></extra>",
        ),
        row=1, col=1,
    )  # fmt: skip


def _imbalance(
    figure: go.Figure, recording: BookRecording, times: np.ndarray, at: np.ndarray, levels: int
) -> None:
    import plotly.graph_objects as go

    depth = depth_at(recording.fresh_book(), recording.messages, at, levels)[..., 1].sum(
        axis=2, dtype=np.int64
    )
    total = depth.sum(axis=1)
    tilt = np.where(total > 0, (depth[:, 0] - depth[:, 1]) / np.maximum(total, 1), 0.0)
    for part, colour in ((np.maximum(tilt, 0.0), "#2f75b5"), (np.minimum(tilt, 0.0), "#d1603d")):
        figure.add_trace(
            go.Scatter(
                x=times, y=np.round(part, 4), mode="lines", line={"width": 0, "shape": "hv"}, fill="tozeroy",
                fillcolor=colour, showlegend=False, hoverinfo="skip",
            ),
            row=2, col=1,
        )  # fmt: skip


def _volume(figure: go.Figure, recording: BookRecording, trades: np.ndarray, moments: np.ndarray) -> None:
    import plotly.graph_objects as go

    edges = np.linspace(moments[0], max(moments[-1], moments[0] + 1), 151)
    ts = recording.ts_event[trades["message"]]
    for side, colour in ((0, _BUY), (1, _SELL)):
        one = trades["side"] == side
        volume = np.histogram(ts[one], edges, weights=trades["quantity"][one].astype(np.float64))[0]
        figure.add_trace(
            go.Bar(
                x=_times(((edges[1:] + edges[:-1]) / 2).astype(np.int64)),
                marker={"color": colour, "line": {"width": 0}},
                y=np.round(volume * recording.header.lot * (1 - 2 * side), 8), showlegend=False,
                hovertemplate="%{y}<extra>" + ("bought" if side == 0 else "sold") + "</extra>",
            ),
            row=3, col=1,
        )  # fmt: skip


def _arrange(figure: go.Figure, recording: BookRecording, bands: tuple[int, int, int], levels: int) -> None:
    low, step, n = bands
    axis: dict[str, Any] = {"showgrid": False, "zeroline": False, "showline": True, "linecolor": "#c9d1d9"}
    figure.update_layout(
        height=860, margin={"l": 78, "r": 18, "t": 26, "b": 34}, paper_bgcolor="white", plot_bgcolor="white",
        font={"family": "system-ui, sans-serif", "size": 12, "color": _INK}, barmode="relative", bargap=0,
        legend={"orientation": "h", "y": 1.01, "yanchor": "bottom", "x": 0}, hovermode="closest",
    )  # fmt: skip
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    edge = recording.price(np.array([max(low, 0), low + step * n]))
    figure.update_yaxes(
        range=[float(edge[0]), float(edge[1])], title="price", row=1, col=1, tickformat=",.10~f"
    )
    figure.update_yaxes(
        range=[-1, 1], title=f"imbalance<br>{levels} levels", tickvals=[-1, 0, 1], row=2, col=1
    )
    figure.update_yaxes(title="volume<br>bought, sold", row=3, col=1, zeroline=True, zerolinecolor="#c9d1d9")
    ends = _times(recording.ts_event[[recording.header.opening, -1]])
    figure.update_xaxes(range=[str(ends[0]), str(ends[1])])
    figure.update_xaxes(title="UTC", row=3, col=1)
