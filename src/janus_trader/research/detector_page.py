"""A detector study as tables and as a picture."""

from __future__ import annotations

from typing import Any

import numpy as np

from janus_trader.contracts.regime import Regime

REGIME_COLUMNS = (
    "true regime", "switches", "detected", "median delay, bars", "recall", "precision", "false alarms a year",
)  # fmt: skip
POSTURE_COLUMNS = (
    "world", "posture", "lives that reached it", "median delay, bars", "false alarms a year", "time in alarm",
)  # fmt: skip


def shown(cell: dict[str, float | None] | None, style: str) -> str:
    """A figure with its interval, such as ``0.31 (0.25 to 0.36)``; a dash where there is none.

    >>> shown({"value": 0.5, "low": 0.25, "high": 0.75}, ".0%"), shown(None, ".1f")
    ('50% (25% to 75%)', '–')
    """
    if cell is None or cell["value"] is None:
        return "–"
    return f"{cell['value']:{style}} ({cell['low']:{style}} to {cell['high']:{style}})"


def regime_rows(study: dict[str, Any]) -> list[list[str]]:
    """Rows under `REGIME_COLUMNS`, the whole last."""
    rows = [
        [
            name,
            str(row["switches"]),
            shown(row["detected"], ".0%"),
            shown(row["delay"], ".0f"),
            shown(row["recall"], ".0%"),
            shown(row["precision"], ".0%"),
            shown(row["false_alarms"], ".1f"),
        ]
        for name, row in study["regimes"]["by_regime"].items()
    ]
    return [*rows, ["all", "", "", "", "", "", shown(study["regimes"]["false_alarms"], ".1f")]]


def posture_rows(study: dict[str, Any]) -> list[list[str]]:
    """Rows under `POSTURE_COLUMNS`."""
    return [
        [
            world.removeprefix("simulated:") + (f", {found['phase']}" if found["phase"] else ""),
            posture,
            shown(row["detected"], ".0%"),
            shown(row["delay"], ".0f"),
            shown(row["false_alarms"], ".1f"),
            shown(row["time_in_alarm"], ".1%"),
        ]
        for world, found in study["postures"].items()
        for posture, row in found["by_posture"].items()
    ]


def in_words(study: dict[str, Any]) -> list[str]:
    """What the tables say about the whole, good or bad."""
    r = study["regimes"]
    return [
        f"{study['lives']} lives of {study['days']} trading days with known regimes, a year of each for warm-up. "
        f"The regime of largest probability is the true one on {shown(r['accuracy'], '.0%')} of the bars, "
        f"after hysteresis on {shown(r['accuracy_in_force'], '.0%')}; always naming the commonest regime would "
        f"be right on {r['largest_class']:.0%}.",
        f"Averaged over the regimes it is right on {shown(r['balanced_accuracy'], '.0%')}; a guess on 14%. "
        f"It moves to a regime that is not the true one {shown(r['false_alarms'], '.1f')} times a year.",
        "In brackets: 95 % bootstrap interval over lives.",
    ]


def confusion_rows(study: dict[str, Any]) -> list[list[str]]:
    """Share of the bars of each true regime (row) that were called each regime (column)."""
    table = np.array(study["regimes"]["confusion"], float)
    total = table.sum(axis=1, keepdims=True)
    share = np.divide(table, total, out=np.full_like(table, np.nan), where=total > 0)
    return [
        [r.name.lower(), *["–" if np.isnan(x) else f"{x:.0%}" for x in share[r]], f"{int(total[r, 0]):,}"]
        for r in Regime
    ]


CONFUSION_COLUMNS = ("true \\ called", *(r.name.lower() for r in Regime), "bars")


def markdown(study: dict[str, Any]) -> str:
    """The whole study as Markdown."""
    parts = [*in_words(study), ""]
    for title, columns, rows in (
        ("Regimes", REGIME_COLUMNS, regime_rows(study)),
        ("Confusion", CONFUSION_COLUMNS, confusion_rows(study)),
        ("Postures", POSTURE_COLUMNS, posture_rows(study)),
    ):
        parts += [f"### {title}", "", _table(columns, rows), ""]
    return "\n\n".join(parts[:3]) + "\n" + "\n".join(parts[3:])


def _table(columns: tuple[str, ...], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def page(study: dict[str, Any]) -> str:
    """HTML: the confusion as a heat map, delays and detection with their intervals."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    names = [r.name.lower() for r in Regime]
    table = np.array(study["regimes"]["confusion"], float)
    share = table / np.maximum(table.sum(axis=1, keepdims=True), 1.0)
    figure = make_subplots(
        rows=1,
        cols=3,
        column_widths=[0.46, 0.27, 0.27],
        horizontal_spacing=0.08,
        subplot_titles=("called, by true regime", "switches detected", "median delay, bars"),
    )
    text = [[f"{x:.0%}" for x in row] for row in share]
    figure.add_trace(
        go.Heatmap(
            x=names, y=names, z=share, text=text, texttemplate="%{text}", zmin=0, zmax=1, colorscale="Blues",
            showscale=False,
        ),
        1,
        1,
    )  # fmt: skip
    for column, key in ((2, "detected"), (3, "delay")):
        cells = [study["regimes"]["by_regime"][name][key] for name in names]
        known = [(n, c) for n, c in zip(names, cells, strict=True) if c["value"] is not None]
        value = np.array([c["value"] for _, c in known])
        low, high = (np.array([c[end] for _, c in known]) for end in ("low", "high"))
        error = {"type": "data", "symmetric": False, "array": high - value, "arrayminus": value - low}
        bar = go.Bar(x=value, y=[n for n, _ in known], orientation="h", error_x=error, marker_color="#7f9bc4")
        figure.add_trace(bar, 1, column)
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(tickformat=".0%", row=1, col=2)
    figure.update_layout(
        height=460,
        showlegend=False,
        plot_bgcolor="white",
        font={"family": "system-ui, sans-serif", "size": 12, "color": "#2c3e50"},
    )
    words = "".join(f"<p>{sentence}</p>" for sentence in in_words(study))
    body = figure.to_html(full_html=False, include_plotlyjs=True)
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>JANUS detector study</title></head>"
        "<body style='font:15px/1.5 system-ui,sans-serif;max-width:1250px;margin:24px auto;color:#2c3e50'>"
        f"<h1>What the detectors see</h1>{words}{body}</body></html>"
    )
