"""A forecast study as words, a table and a picture."""

from __future__ import annotations

from typing import Any

COLUMNS = ("what", "value", "95 % interval")


def rows(study: dict[str, Any]) -> list[list[str]]:
    """Rows under `COLUMNS`."""
    gain, direction = study["gain"], study["direction"]
    return [
        ["CRPS, volatilities", f"{study['crps']:.4f}", "–"],
        ["CRPS of the baseline", f"{study['crps_baseline']:.4f}", "–"],
        ["gain over the baseline", f"{gain['value']:+.2%}", f"{gain['low']:+.2%} to {gain['high']:+.2%}"],
        [
            "right direction less wrong",
            f"{direction['value']:+.3f}",
            f"{direction['low']:+.3f} to {direction['high']:+.3f}",
        ],
        *[[f"inside the {float(k):.0%} interval", f"{v:.1%}", "–"] for k, v in study["coverage"].items()],
    ]


def in_words(study: dict[str, Any]) -> list[str]:
    """What came out, good or bad."""
    gain = study["gain"]
    if gain["low"] > 0.0:
        said = "better than volatility alone"
    elif gain["high"] < 0.0:
        said = "worse than volatility alone"
    else:
        said = "no better than volatility alone, as far as chance allows to tell"
    lines = [
        f"An {study['network'].upper()} with {study['output'].replace('_', ' ')} output over {study['window']} bars, "
        f"judged on {study['judged']:,} forecasts of {len(study['symbols'])} instruments that came after its "
        f"training: {said}."
    ]
    return [*lines, study["survivorship"]] if study["survivorship"] else lines


def page(study: dict[str, Any]) -> str:
    """HTML: how often what came fell in each tenth of the forecast distribution; flat where calibrated."""
    import plotly.graph_objects as go

    counts = study["calibration"]
    share = [c / max(1, sum(counts)) for c in counts]
    tenths = [f"{i / 10:.1f}–{(i + 1) / 10:.1f}" for i in range(10)]
    figure = go.Figure(go.Bar(x=tenths, y=share, marker_color="#4c78a8", name="forecasts"))
    figure.add_hline(y=0.1, line_dash="dash", line_color="#444", annotation_text="calibrated")
    figure.update_layout(
        title="<br>".join([in_words(study)[0][:110], "Where what came fell in its forecast"]),
        xaxis_title="level in the forecast distribution",
        yaxis_title="share of forecasts",
        yaxis_tickformat=".0%",
        template="plotly_white",
    )
    return str(figure.to_html(include_plotlyjs=True, full_html=True))
