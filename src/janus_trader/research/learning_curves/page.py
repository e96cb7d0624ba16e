"""Learning curves in words, as a table and as a picture."""

from __future__ import annotations

from typing import Any

COLUMNS = ("learner", "judged on", "nights", "adopted", "before", "after", "mean change a night")
_VIEWS = {"held_back": "held-back days (biased)", "later": "later days"}


def shown(cell: dict[str, float | None]) -> str:
    """A mean change with its interval, a dash where there are too few nights for one.

    >>> shown({"value": 0.5, "low": None, "high": None})
    '+0.50000 (–)'
    """
    value, low, high = cell["value"], cell["low"], cell["high"]
    inside = "–" if low is None or high is None else f"{low + 0.0:+.5f} to {high + 0.0:+.5f}"
    return f"{(value or 0.0) + 0.0:+.5f} ({inside})"


def rows(study: dict[str, Any]) -> list[list[str]]:
    """Rows under `COLUMNS`."""
    return [
        [
            c["learner"],
            _VIEWS[c["view"]],
            f"{c['nights']:,}",
            f"{c['adopted']:,}",
            f"{c['before']:.5f}",
            f"{c['after']:.5f}",
            shown(c["change"]),
        ]
        for c in study["curves"]
    ]


def in_words(study: dict[str, Any]) -> list[str]:
    """How to read it, and what the unbiased view says."""
    lines = [
        f"{study['run']}: {study['nights']:,} nights. Scores are each learner's own; in brackets: 95 % block bootstrap "
        "over nights.",
        "On the held-back days a candidate is adopted because it scored no worse there: that view is biased upwards.",
    ]
    later = [c for c in study["curves"] if c["view"] == "later"]
    if not later:
        return [*lines, "This run kept no scores on later days: there is no unbiased view."]
    for c in later:
        low, high = c["change"]["low"], c["change"]["high"]
        if low is None:
            told = "too few nights for an interval"
        elif low == high == 0.0:
            told = "gives no score of its own, or never changed it"
        elif low > 0.0:
            told = "its nights helped on days that came later"
        elif high < 0.0:
            told = "its nights hurt on days that came later"
        else:
            told = "no change that chance could not explain"
        lines.append(f"{c['learner']}: {told} ({shown(c['change'])} a night).")
    return lines


def page(study: dict[str, Any]) -> str:
    """HTML: for each curve the change of every night and its mean so far with the interval."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    learners = list(dict.fromkeys(c["learner"] for c in study["curves"]))
    figure = make_subplots(
        rows=len(learners), cols=2, horizontal_spacing=0.07, vertical_spacing=0.25 / max(1, len(learners)),
        subplot_titles=[f"{name}: {view}" for name in learners for view in ("each night", "mean so far")],
    )  # fmt: skip
    colours = {"held_back": "#8a97a6", "later": "#2e7d5b"}
    for c in study["curves"]:
        row, colour, label = 1 + learners.index(c["learner"]), colours[c["view"]], _VIEWS[c["view"]]
        first = row == 1
        figure.add_trace(
            go.Scattergl(
                x=c["night"], y=c["changes"], mode="markers", marker={"size": 3, "color": colour}, name=label,
                legendgroup=label, showlegend=first,
            ),
            row,
            1,
        )  # fmt: skip
        so_far = c["cumulative"]
        x = [c["night"][n - 1] for n in so_far["nights"]]
        line = {"color": colour, "width": 2}
        figure.add_trace(
            go.Scatter(x=x, y=so_far["value"], line=line, name=label, legendgroup=label, showlegend=False),
            row,
            2,
        )
        for key in ("low", "high"):
            edge = {"color": colour, "width": 1, "dash": "dot"}
            figure.add_trace(
                go.Scatter(x=x, y=so_far[key], line=edge, legendgroup=label, showlegend=False), row, 2
            )
    figure.update_layout(
        height=120 + 230 * len(learners),
        plot_bgcolor="white",
        legend={"orientation": "h", "y": 1.0 + 0.25 / len(learners), "yanchor": "bottom", "x": 0.0},
        font={"family": "system-ui, sans-serif", "size": 12, "color": "#2c3e50"},
    )
    words = "".join(f"<p>{sentence}</p>" for sentence in in_words(study))
    body = figure.to_html(full_html=False, include_plotlyjs=True, div_id="curves")
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>JANUS nights</title></head>"
        "<body style='font:15px/1.5 system-ui,sans-serif;max-width:1250px;margin:24px auto;color:#2c3e50'>"
        f"<h1>What the nights were worth</h1>{words}{body}</body></html>"
    )
