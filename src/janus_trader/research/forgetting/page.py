"""A study of forgetting in words, as tables and as heat maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from janus_trader.research.forgetting.study import verdict

COLUMNS = (
    "learner", "learned, score", "lost with replay", "lost without", "saved by replay",
    "learned of B, with", "without", "verdict",
)  # fmt: skip


_VERDICTS = {"no difference": "no difference that chance could not explain"}


def shown(cell: dict[str, float], style: str = "+.2f") -> str:
    """A figure with its interval.

    >>> shown({"value": 0.5, "low": 0.25, "high": 0.75})
    '+0.50 (+0.25 to +0.75)'
    """
    value, low, high = (cell[key] + 0.0 for key in ("value", "low", "high"))
    return f"{value:{style}} ({low:{style}} to {high:{style}})"


def rows(study: dict[str, Any]) -> list[list[str]]:
    """Rows under `COLUMNS`."""
    return [
        [
            name,
            shown(told["learned"], "+.4f"),
            shown(told["with"]["forgetting"]),
            shown(told["without"]["forgetting"]),
            shown(told["saved_by_replay"]),
            shown(told["with"]["new_learned"], "+.4f"),
            shown(told["without"]["new_learned"], "+.4f"),
            verdict(told["saved_by_replay"]),
        ]
        for name, told in study["learners"].items()
    ]


def in_words(study: dict[str, Any]) -> list[str]:
    """What the study says of each learner, good or bad, and how to read it."""
    r = study["request"]
    lines = [
        f"{study['pairs']} ordered pairs of {len(study['regimes'])} regimes, {r['seeds']} seeds; {r['days']} days to "
        f"learn from in each regime, {r['held_out']} other days of A to be judged by, a night every {r['every']} days."
    ]
    for name, told in study["learners"].items():
        back = told["with"]["backward_transfer"]
        lines.append(
            f"{name}: after B it has lost {shown(told['with']['forgetting'])} of A with replay and "
            f"{shown(told['without']['forgetting'])} without, over all pairs; "
            f"{_VERDICTS.get(found := verdict(told['saved_by_replay']), found)}. "
            f"Backward transfer with replay {shown(back, '+.4f')}, in its score; one unit is {told['unit']:.4f}."
        )
    return [
        *lines,
        "Lost is in standard deviations over seeds of what was learned of A, pooled over the regimes; below 0 the "
        "nights in B helped A. In brackets: 95 % bootstrap interval over seeds.",
    ]


def pair_rows(study: dict[str, Any], learner: str, arm: str) -> list[list[str]]:
    """What of each A (row) each B (column) cost."""
    pairs = study["learners"][learner][arm]["pairs"]
    return [
        [name, *["–" if cell is None else f"{cell['value'] + 0.0:+.2f}" for cell in row]]
        for name, row in zip(study["regimes"], pairs, strict=True)
    ]


def markdown(study: dict[str, Any]) -> str:
    """The whole study as Markdown."""
    words = in_words(study)
    blocks = [
        words[0],
        _table(COLUMNS, rows(study)),
        "\n".join(f"- {line}" for line in words[1:-1]),
        words[-1],
    ]
    for learner in study["learners"]:
        for arm in ("with", "without"):
            blocks.append(f"### {learner}, {arm} replay: lost of A (row) by B (column)")
            blocks.append(_table(("A \\ B", *study["regimes"]), pair_rows(study, learner, arm)))
    return "\n\n".join(blocks)


def _table(columns: Sequence[str], body: list[list[str]]) -> str:
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in body])


def page(study: dict[str, Any]) -> str:
    """HTML: for each learner two heat maps on one scale, with replay and without."""
    bodies: list[str] = []
    for name in study["learners"]:
        bodies.append(f"<h2>{name}</h2>" + _figure(study, name, not bodies))
    words = "".join(f"<p>{line}</p>" for line in in_words(study))
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>JANUS forgetting</title></head>"
        "<body style='font:15px/1.5 system-ui,sans-serif;max-width:1250px;margin:24px auto;color:#2c3e50'>"
        f"<h1>What new regimes cost old ones</h1>{words}{''.join(bodies)}</body></html>"
    )


def _figure(study: dict[str, Any], learner: str, with_script: bool) -> str:
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    told, names = study["learners"][learner], study["regimes"]
    values = {
        arm: [[None if c is None else c["value"] for c in row] for row in told[arm]["pairs"]]
        for arm in ("with", "without")
    }
    top = max(
        (abs(v) for table in values.values() for row in table for v in row if v is not None), default=1.0
    )
    figure = make_subplots(
        rows=1, cols=2, horizontal_spacing=0.12, subplot_titles=("lost with replay", "lost without replay")
    )
    for column, arm in enumerate(("with", "without"), 1):
        figure.add_trace(
            go.Heatmap(
                x=names, y=names, z=values[arm], zmin=-top, zmax=top, colorscale="RdBu_r", showscale=column == 2,
                texttemplate="%{z:+.2f}", xgap=1, ygap=1,
            ),
            1,
            column,
        )  # fmt: skip
    figure.update_xaxes(title="after learning B")
    figure.update_yaxes(autorange="reversed", title="lost of A", col=1)
    figure.update_yaxes(autorange="reversed", col=2)
    figure.update_layout(
        height=430,
        plot_bgcolor="white",
        margin={"l": 90, "r": 20, "t": 50, "b": 50},
        font={"family": "system-ui, sans-serif", "size": 12, "color": "#2c3e50"},
    )
    return str(figure.to_html(full_html=False, include_plotlyjs=with_script, div_id=f"learner-{learner}"))
