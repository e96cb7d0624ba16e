"""A matrix in words, as tables and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

#: Title, style and factor of each figure's gain.
GAINS = (
    ("sharpe", "Sharpe gained", "+.2f", 1.0, ""),
    ("max_drawdown", "drawdown avoided", "+.1f", 100.0, " %"),
    ("costs_bps", "cost saved, bps/y", "+.1f", 1.0, ""),
    ("annual_return", "return gained/y", "+.1f", 100.0, " %"),
    ("turnover", "turnover saved/y", "+.1f", 1.0, ""),
)
COLUMNS = ("without", *(title for _, title, *_ in GAINS), "p", "p, Holm", "verdict")
_VERDICTS = {
    "helps": "helps",
    "hurts": "hurts",
    "no difference": "makes no difference that chance could not explain",
}


def shown(cell: dict[str, float], style: str, factor: float = 1.0, unit: str = "") -> str:
    """A gain with its interval.

    >>> shown({"gained": 0.012, "low": -0.004, "high": 0.03}, "+.1f", 100.0, " %")
    '+1.2 % (-0.4 to +3.0)'
    """
    value, low, high = (factor * cell[key] + 0.0 for key in ("gained", "low", "high"))
    return f"{value:{style}}{unit} ({low:{style}} to {high:{style}})"


def rows(part: dict[str, Any], kind: str) -> list[list[str]]:
    """Rows under `COLUMNS` of one kind of variant, those that help most first."""
    found = [v for v in part["variants"] if v["kind"] == kind]
    found.sort(key=lambda v: (-v["figures"]["sharpe"]["gained"], v["name"]))
    return [
        [
            v["name"] + (" (added)" if v["adds"] else ""),
            *[shown(v["figures"][name], style, factor, unit) for name, _, style, factor, unit in GAINS],
            f"{v['figures']['sharpe']['p']:.3f}",
            f"{v['figures']['sharpe']['p_holm']:.3f}",
            v["verdict"],
        ]
        for v in found
    ]


def kinds(part: dict[str, Any]) -> list[str]:
    """Which kinds of variants there are."""
    return [kind for kind in ("region", "mechanism") if any(v["kind"] == kind for v in part["variants"])]


def part_words(summary: dict[str, Any], name: str) -> list[str]:
    """What one part of the days says, the whole first, then a sentence for each variant."""
    part = summary["parts"][name]
    if part is None:
        return [f"{name}: too few days to judge."]
    w, seeds = part["whole"], summary["seeds"]
    lines = [
        f"{name}: {part['days']:,} days, {part['start']} to {part['end']}, {len(summary['instruments'])} instruments, "
        f"{seeds} seed{'' if seeds == 1 else 's'}. The whole: net Sharpe {w['sharpe']:.2f}, drawdown "
        f"{w['max_drawdown']:.1%}, cost {w['costs_bps']:.1f} bps a year, return {w['annual_return']:.1%} a year, "
        f"turnover {w['turnover']:.1f} a year."
    ]
    for kind in kinds(part):
        for v in sorted(
            (v for v in part["variants"] if v["kind"] == kind),
            key=lambda v: -v["figures"]["sharpe"]["gained"],
        ):
            lines.append(sentence(v))
    return lines


def sentence(variant: dict[str, Any]) -> str:
    """One variant in words."""
    cell = variant["figures"]["sharpe"]
    told = f"{variant['name']} {_VERDICTS[variant['verdict']]}: net Sharpe {cell['with']:.2f} with it, "
    told += f"{cell['without']:.2f} without"
    others = []
    for name, what, unit, factor in (
        ("max_drawdown", "drawdown", "%", 100.0),
        ("costs_bps", "cost", "bps a year", 1.0),
    ):
        c = variant["figures"][name]
        if c["p_holm"] < 0.05:
            verb = "avoids" if c["gained"] > 0 else "adds"
            others.append(f"{verb} {abs(factor * c['gained']):.1f} {unit} of {what}")
    return told + (f"; it {' and '.join(others)}" if others else "") + "."


def notes(summary: dict[str, Any]) -> list[str]:
    """How to read it."""
    lines = [
        "Differences are taken so that positive means: having it helps (a higher Sharpe ratio and return, a smaller "
        "drawdown, less cost and turnover). In brackets: 95 % interval of a paired stationary bootstrap over days, "
        "crossed with seeds.",
        "Helps or hurts is said where p of the Sharpe ratio is below 0.05 after Holm's correction for the number of "
        "regions (of mechanisms). The intervals are not corrected: of twenty, one excludes 0 by chance.",
    ]
    if summary["seeds"] == 1:
        lines.append("One seed: chance in learning is not in the intervals.")
    if summary["recorded"]:
        t = summary["recorded"]
        lines.append(f"On the record as {t['kind']}, {t['trials']} configurations.")
    return lines


def in_words(summary: dict[str, Any]) -> list[str]:
    """The whole matrix in sentences."""
    found = [line for name in summary["parts"] for line in part_words(summary, name)]
    return [*found, *notes(summary)]


def markdown(summary: dict[str, Any]) -> str:
    """The whole matrix as Markdown."""
    blocks = []
    for name, part in summary["parts"].items():
        words = part_words(summary, name)
        blocks.append(words[0])
        for kind in kinds(part) if part is not None else ():
            blocks.append(f"### {name.capitalize()}: {kind}s")
            blocks.append(_table((kind, *COLUMNS[1:]), rows(part, kind)))
        if part is not None:
            blocks.append("\n".join(f"- {line}" for line in words[1:]))
    return "\n\n".join([*blocks, *notes(summary)])


def _table(columns: Sequence[str], body: list[list[str]]) -> str:
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in body])


def page(summary: dict[str, Any]) -> str:
    """HTML: the gain of each variant with its interval, for Sharpe ratio, drawdown and cost."""
    bodies: list[str] = []
    for name, part in summary["parts"].items():
        if part is not None:
            bodies.append(f"<h2>{name}</h2>" + _figure(part, not bodies))
    words = "".join(f"<p>{line}</p>" for line in in_words(summary))
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>JANUS ablation</title></head>"
        "<body style='font:15px/1.5 system-ui,sans-serif;max-width:1250px;margin:24px auto;color:#2c3e50'>"
        f"<h1>What each part contributes</h1>{''.join(bodies)}{words}</body></html>"
    )


def _figure(part: dict[str, Any], with_script: bool) -> str:
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    shown_gains = GAINS[:3]
    variants = sorted(part["variants"], key=lambda v: (v["kind"], v["figures"]["sharpe"]["gained"]))
    figure = make_subplots(
        rows=1, cols=3, shared_yaxes=True, horizontal_spacing=0.03,
        subplot_titles=[title + (unit and f",{unit}") for _, title, _, _, unit in shown_gains],
    )  # fmt: skip
    colours = {"helps": "#2e7d5b", "hurts": "#b3423a", "no difference": "#8a97a6"}
    for column, (name, _, _, factor, _) in enumerate(shown_gains, 1):
        cells = [v["figures"][name] for v in variants]
        figure.add_trace(
            go.Scatter(
                x=[factor * c["gained"] for c in cells],
                y=[v["name"] for v in variants],
                mode="markers",
                marker={"size": 9, "color": [colours[v["verdict"]] for v in variants]},
                error_x={
                    "type": "data",
                    "symmetric": False,
                    "array": [factor * (c["high"] - c["gained"]) for c in cells],
                    "arrayminus": [factor * (c["gained"] - c["low"]) for c in cells],
                    "color": "#8a97a6",
                },
            ),
            1,
            column,
        )
        figure.add_vline(x=0.0, line_color="#2c3e50", line_width=1, row=1, col=column)  # type: ignore[arg-type]
    figure.update_layout(
        height=140 + 34 * len(variants),
        showlegend=False,
        plot_bgcolor="white",
        margin={"l": 140, "r": 20, "t": 50, "b": 40},
        font={"family": "system-ui, sans-serif", "size": 12, "color": "#2c3e50"},
    )
    return str(figure.to_html(full_html=False, include_plotlyjs=with_script, div_id=f"part-{part['start']}"))
