"""The report: one HTML page that needs nothing but a browser."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from janus_trader.contracts.memory import SleepReport
from janus_trader.runs import report_charts as charts
from janus_trader.runs.ledger import Ledger

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#2c3e50;background:#f5f7f9;margin:0}
main{max-width:1120px;margin:0 auto;padding:24px 16px 60px}
h1{font-size:26px;margin:0 0 4px}h2{font-size:18px;margin:0 0 8px}
section{background:#fff;border-radius:10px;padding:16px 18px;margin:16px 0;box-shadow:0 1px 3px #0001}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:13px;width:100%}
th,td{padding:4px 8px;text-align:right;border-bottom:1px solid #eef1f4;white-space:nowrap}
th:first-child,td:first-child{text-align:left}thead th{color:#7b8a97;font-weight:600}
tr.run td{font-weight:700;background:#f0f4fb}.wide{overflow-x:auto}.muted{color:#7b8a97;font-size:13px}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(130px,1fr));gap:10px}
.card{background:#f8fafc;border-radius:8px;padding:10px 12px}.card b{display:block;font-size:20px}
.card span{color:#7b8a97;font-size:12px}.warn{border-left:5px solid #e6a117;background:#fffaf0}
details{margin:6px 0}summary{cursor:pointer}.reason p{margin:3px 0;font-size:13px}
.two{display:grid;grid-template-columns:1fr 1fr;gap:16px}@media(max-width:800px){.two{grid-template-columns:1fr}}
.month td{min-width:46px}
"""


@dataclass(frozen=True)
class Coverage:
    """Share of bars with each feature present, per calendar quarter."""

    names: tuple[str, ...]
    times: np.ndarray
    share: np.ndarray


@dataclass(frozen=True)
class KeyDecision:
    """A decision that mattered: its number, day, what the change earned, and its words."""

    step: int
    day: str
    effect: float
    words: tuple[str, ...]


def render(
    summary: Mapping[str, Any],
    ledger: Ledger,
    baselines: Mapping[str, np.ndarray],
    nights: Sequence[SleepReport],
    coverage: Coverage,
    decisions: Sequence[KeyDecision],
    instruments: Mapping[str, Mapping[str, float]],
    sources: Mapping[str, float],
    line_ns: int | None,
) -> str:
    """The whole page. Cost O(T) and about 5 MB, most of it the chart library."""
    from plotly.offline import get_plotlyjs

    blocks = [
        _head(summary),
        _figures_table(summary),
        _chart("Equity and drawdown", charts.equity_and_drawdown(ledger, baselines, line_ns)),
        _section("Monthly returns", monthly_table(ledger.ts, ledger.equity), "Net of costs, in percent."),
        _chart(
            "Regimes",
            charts.regime_ribbon(ledger),
            "Posterior over the seven regimes, fitted on the past only.",
        ),
        _chart(
            "Exposure",
            charts.exposure(ledger),
            "Over equity, at the close; appetite is the hypothalamus' scalar.",
        ),
        _chart("Posture", charts.posture(ledger), "From normal to halt, as the amygdala asked."),
        _two(
            _chart(
                "Profit by instrument",
                charts.attribution({k: v["pnl"] for k, v in instruments.items()}, "net"),
            ),
            _chart(
                "Profit by source",
                charts.attribution(sources, "before costs"),
                "Each position's profit, shared by the sources that pointed its way; the anchor is the rest.",
            ),
        ),
        _chart("Costs", charts.costs(ledger)),
        _section("What the nights changed", _nights(nights), _nights_text(nights)),
        _chart(
            "What was learned",
            charts.source_weights(ledger),
            "Weight of each source: followed above 0, faded below.",
        ),
        _chart("Feature coverage", charts.coverage(coverage.names, coverage.times, coverage.share)),
        _section("Ten decisions that mattered most", _decisions(decisions), DECISIONS_TEXT),
        _section("What held trades back", _counts(ledger)),
        _section("Particulars", _particulars(summary)),
    ]
    title = f"JANUS {summary['start']} to {summary['end']}"
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width,initial-scale=1'>"
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style><script>{get_plotlyjs()}</script></head>"
        f"<body><main>{''.join(blocks)}</main></body></html>"
    )


DECISIONS_TEXT = (
    "Ranked by what the change of weights earned or lost over the 21 bars after its fill, against not having "
    "changed, as a share of equity."
)


def _chart(title: str, figure: Any, note: str = "") -> str:
    body = figure.to_html(
        full_html=False, include_plotlyjs=False, config={"displayModeBar": False, "responsive": True}
    )
    return _section(title, body, note)


def _section(title: str, body: str, note: str = "", kind: str = "") -> str:
    muted = f"<p class='muted'>{html.escape(note)}</p>" if note else ""
    return f"<section class='{kind}'><h2>{html.escape(title)}</h2>{muted}<div class='wide'>{body}</div></section>"


def _two(left: str, right: str) -> str:
    return f"<div class='two'>{left}{right}</div>"


def number(value: Any, style: str = "") -> str:
    """A figure for a table; a dash where it is not defined.

    >>> number(0.1234, "%"), number(None), number(1234.5, ",")
    ('12.3%', '–', '1,234')
    """
    if value is None:
        return "–"
    if style == "%":
        return f"{value:.1%}"
    if style == ",":
        return f"{value:,.0f}"
    return f"{value:.2f}"


def _head(summary: Mapping[str, Any]) -> str:
    cards = "".join(
        f"<div class='card'><b>{number(summary[key], style)}</b><span>{label}</span></div>"
        for key, style, label in (
            ("final_equity", ",", "final equity"),
            ("sharpe", "", "Sharpe, net"),
            ("sortino", "", "Sortino"),
            ("max_drawdown", "%", "max drawdown"),
            ("turnover", "", "turnover a year"),
            ("costs", ",", "costs"),
            ("deflated_sharpe_prob", "%", f"deflated Sharpe, {summary['trials']} trials"),
        )
    )
    notes = "".join(
        f"<section class='warn'><b>{html.escape(note)}</b></section>"
        for note in (summary["survivorship_note"], *summary["notes"])
        if note
    )
    return (
        f"<h1>JANUS</h1><p class='muted'>{summary['instruments']} instruments, {summary['bars']} bars, "
        f"{summary['start']} to {summary['end']}, {summary['nights']} nights</p>{notes}"
        f"<section><div class='cards'>{cards}</div></section>"
    )


COLUMNS = (
    ("final_equity", ",", "final equity"),
    ("annual_return", "%", "return a year"),
    ("annual_volatility", "%", "volatility"),
    ("sharpe", "", "Sharpe"),
    ("sortino", "", "Sortino"),
    ("calmar", "", "Calmar"),
    ("max_drawdown", "%", "max drawdown"),
    ("turnover", "", "turnover"),
    ("costs", ",", "costs"),
    ("time_in_market", "%", "in market"),
)


def _row(name: str, figures: Mapping[str, Any], kind: str = "") -> str:
    cells = "".join(f"<td>{number(figures.get(key), style)}</td>" for key, style, _ in COLUMNS)
    return f"<tr class='{kind}'><td>{html.escape(name.replace('_', ' '))}</td>{cells}</tr>"


def _figures_table(summary: Mapping[str, Any]) -> str:
    head = "".join(f"<th>{label}</th>" for _, _, label in COLUMNS)
    rows = [_row("janus", summary, "run")]
    rows += [_row(name, figures) for name, figures in summary["baselines"].items()]
    for name, part in summary.get("parts", {}).items():
        rows.append(_row(f"janus, {name}", part["janus"], "run"))
        rows += [_row(f"{other}, {name}", figures) for other, figures in part["baselines"].items()]
    gap = summary["sharpe_diff"]
    said = (
        f"Sharpe ratio minus {summary['benchmark'].replace('_', ' ')}: {gap['mean']:+.2f}, 95 % interval "
        f"{gap['lo']:+.2f} to {gap['hi']:+.2f} (stationary bootstrap)."
        if gap
        else "Too short a span for a bootstrap of the Sharpe difference."
    )
    table = f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return _section("Figures against the baselines", table, said + " Same fill rule and costs for all.")


def monthly_table(ts: np.ndarray, equity: np.ndarray) -> str:
    """Returns by year and month as an HTML table; shading by size."""
    months = ts.astype("datetime64[ns]").astype("datetime64[M]")
    last = np.flatnonzero(np.append(months[1:] != months[:-1], True))
    ends, values = months[last], equity[last]
    before = np.concatenate([equity[:1], values[:-1]])
    returns = values / before - 1.0
    table: dict[int, dict[int, float]] = {}
    for month, value in zip(ends, returns, strict=True):
        year, index = divmod(int(month.astype(np.int64)), 12)
        table.setdefault(1970 + year, {})[index] = float(value)
    names = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    head = "".join(f"<th>{name}</th>" for name in names)
    rows = []
    for year, cells in table.items():
        total = float(np.prod([1.0 + v for v in cells.values()]) - 1.0)
        row = "".join(_shade(cells.get(i)) for i in range(12))
        rows.append(f"<tr><td>{year}</td>{row}{_shade(total, 0.4)}</tr>")
    top = f"<thead><tr><th></th>{head}<th>year</th></tr></thead>"
    return f"<table class='month'>{top}<tbody>{''.join(rows)}</tbody></table>"


def _shade(value: float | None, full: float = 0.1) -> str:
    if value is None:
        return "<td></td>"
    alpha = min(1.0, abs(value) / full) * 0.55
    colour = f"46,139,87,{alpha:.2f}" if value >= 0 else f"192,57,43,{alpha:.2f}"
    return f"<td style='background:rgba({colour})'>{100 * value:.1f}</td>"


def _nights_text(nights: Sequence[SleepReport]) -> str:
    accepted = sum(c.accepted for night in nights for c in night.candidates)
    total = sum(len(night.candidates) for night in nights)
    deep = sum(night.deep for night in nights)
    return (
        f"{len(nights)} nights, {deep} of them deep; {accepted} of {total} candidates replaced the day's "
        "parameters, the others were worse on days that no training had seen."
    )


def _nights(nights: Sequence[SleepReport]) -> str:
    table: dict[str, list[float]] = {}
    for night in nights:
        for c in night.candidates:
            row = table.setdefault(c.learner, [0, 0, 0.0, 0.0])
            row[0] += 1
            row[1] += c.accepted
            row[2] += c.candidate - c.incumbent
            row[3] += c.change if c.accepted else 0.0
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{int(r[0])}</td><td>{int(r[1])}</td><td>{int(r[0] - r[1])}</td>"
        f"<td>{r[2] / max(1, r[0]):+.2e}</td><td>{r[3] / max(1, r[1]):.2%}</td></tr>"
        for name, r in sorted(table.items())
    )
    return (
        "<table><thead><tr><th>learner</th><th>candidates</th><th>accepted</th><th>rejected</th>"
        "<th>mean gain on held-back days</th><th>mean change when accepted</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def _decisions(decisions: Sequence[KeyDecision]) -> str:
    return "".join(
        f"<details class='reason'><summary><b>{d.day}</b> decision {d.step}: {d.effect:+.2%}</summary>"
        + "".join(f"<p>{html.escape(line)}</p>" for line in d.words)
        + "</details>"
        for d in decisions
    )


def _counts(ledger: Ledger) -> str:
    rows = [
        *((f"rule: {name}", count) for name, count in ledger.rule_hits.most_common()),
        *((f"no-go: {name.replace('_', ' ')}", count) for name, count in ledger.no_go.most_common()),
    ]
    refusals: dict[str, int] = {}
    for refusal in ledger.refusals:
        refusals[refusal.reason.value] = refusals.get(refusal.reason.value, 0) + 1
    rows += [(f"order refused: {name.replace('_', ' ')}", count) for name, count in sorted(refusals.items())]
    body = "".join(f"<tr><td>{html.escape(name)}</td><td>{count:,}</td></tr>" for name, count in rows)
    return f"<table><thead><tr><th>reason</th><th>times</th></tr></thead><tbody>{body}</tbody></table>"


def _particulars(summary: Mapping[str, Any]) -> str:
    keys = (
        "seed",
        "world",
        "decision_chain",
        "config_fingerprint",
        "environment_fingerprint",
        "data_fingerprint",
        "schema_hash",
        "wall_s",
        "steps_per_s",
        "peak_rss_mb",
    )
    rows = "".join(
        f"<tr><td>{key.replace('_', ' ')}</td><td>{html.escape(str(summary.get(key)))}</td></tr>"
        for key in keys
    )
    quarantined = ", ".join(f"{k}: {v}" for k, v in summary["quarantined"].items()) or "none"
    rows += f"<tr><td>quarantined rows</td><td>{html.escape(quarantined)}</td></tr>"
    return f"<table><tbody>{rows}</tbody></table>"
