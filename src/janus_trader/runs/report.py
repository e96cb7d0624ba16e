"""The report: one HTML page that needs nothing but a browser."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from janus_trader.contracts.memory import SleepReport
from janus_trader.runs import report_charts as charts
from janus_trader.runs import report_tables as tables
from janus_trader.runs.figures_text import COLUMNS, number
from janus_trader.runs.ledger import Ledger
from janus_trader.runs.report_tables import KeyDecision, monthly_table
from janus_trader.runs.report_words import GLOSSARY, caution, in_short
from janus_trader.simulation.scenarios import PhaseSpan

__all__ = ["COLUMNS", "Coverage", "KeyDecision", "monthly_table", "number", "render"]

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#2c3e50;background:#f5f7f9;margin:0}
main{max-width:1120px;margin:0 auto;padding:24px 16px 60px}
h1{font-size:26px;margin:0 0 4px}h2{font-size:18px;margin:0 0 6px}
section{background:#fff;border-radius:10px;padding:16px 18px;margin:16px 0;box-shadow:0 1px 3px #0001}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:13px;width:100%}
th,td{padding:4px 8px;text-align:right;border-bottom:1px solid #eef1f4;white-space:nowrap}
th:first-child,td:first-child{text-align:left}thead th{color:#7b8a97;font-weight:600}
.words2 td:nth-child(2),.words2 th:nth-child(2){text-align:left;white-space:normal;color:#5b6b79}
tr.run td{font-weight:700;background:#f0f4fb}.wide{overflow-x:auto}
.muted{color:#6b7a87;font-size:13px;margin:0 0 8px}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(126px,1fr));gap:10px}
.card{background:#f8fafc;border-radius:8px;padding:10px 12px}.card b{display:block;font-size:18px}
.card span{color:#6b7a87;font-size:12px}.warn{border-left:5px solid #e6a117;background:#fffaf0;padding:10px 16px}
.warn p{margin:4px 0}.short p{margin:2px 0}
details{margin:6px 0}summary{cursor:pointer}.reason p{margin:4px 0 4px 18px;font-size:13px}
.reason summary{padding:3px 0}.gain{color:#23744a;font-weight:600}.loss{color:#b03a2e;font-weight:600}
dl{margin:8px 0 0;font-size:13px}dt{font-weight:600;float:left;clear:left;width:130px}dd{margin:0 0 4px 140px}
.two{display:grid;grid-template-columns:1fr 1fr;gap:16px}.two section{margin:0}
@media(max-width:800px){.two{grid-template-columns:1fr}}
.month td{min-width:46px}
"""


@dataclass(frozen=True)
class Coverage:
    """Share of bars with each feature present, per calendar quarter (per day on short spans)."""

    names: tuple[str, ...]
    times: np.ndarray
    share: np.ndarray


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
    phases: Sequence[PhaseSpan] = (),
) -> str:
    """The whole page. Cost O(T) and about 5 MB, most of it the chart library."""
    from plotly.offline import get_plotlyjs

    blocks = [
        _head(summary),
        _section("Figures against the baselines", tables.figures_table(summary), FIGURES_TEXT),
        _chart(
            "Equity and drawdown",
            charts.equity_and_drawdown(ledger, baselines, line_ns, phases),
            _equity_text(summary) + (PHASES_TEXT if phases else ""),
        ),
        _section("Monthly returns", monthly_table(ledger.ts, ledger.equity), "Net of costs, in percent."),
        _chart("Regimes", charts.regime_ribbon(ledger), REGIME_TEXT, tables.regime_table(ledger, baselines)),
        _chart("Exposure", charts.exposure(ledger), EXPOSURE_TEXT),
        _chart("Posture", charts.posture(ledger), POSTURE_TEXT, tables.posture_table(ledger)),
        _profit(summary, ledger, instruments, sources),
        _nights_section(ledger, nights),
        _chart("What was learned", charts.source_weights(ledger), LEARNED_TEXT),
        _chart(
            "Feature coverage",
            charts.coverage(coverage.names, coverage.times, coverage.share),
            COVERAGE_TEXT,
        ),
        _section(
            "Ten decisions that mattered most",
            tables.decisions_list(decisions, ledger, list(instruments)),
            DECISIONS_TEXT,
        ),
        _section("What held trades back", tables.counts_table(ledger), HELD_TEXT),
        _section("Particulars", tables.particulars_table(summary), PARTICULARS_TEXT),
    ]
    title = f"JANUS {summary['start']} to {summary['end']}"
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width,initial-scale=1'>"
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style><script>{get_plotlyjs()}</script></head>"
        f"<body><main>{''.join(blocks)}</main></body></html>"
    )


FIGURES_TEXT = "The same instruments, fill rule and costs for all."
EQUITY_TEXT = "Equity on a logarithmic scale above, distance below its highest point so far beneath."
PHASES_TEXT = " Shaded: the phases of the simulated market, known to this page and not to the brain."
INSTRUMENTS_TEXT = (
    "From each instrument's own cash flows; the bars add up to the run's profit before interest on cash."
)
REGIME_TEXT = (
    "The strip on top is the regime believed in; below it the probability of each of the seven. Fitted on the "
    "past only."
)
EXPOSURE_TEXT = (
    "Share of equity at the close. Gross adds longs and shorts, net subtracts the shorts; the appetite is what the "
    "hypothalamus scales every target with."
)
POSTURE_TEXT = "What the amygdala allowed; a long run shows the strictest posture within each stretch."
SLEEP_TEXT = (
    "Episodes are drawn by priority and told around ripples, compressed: one stands for several that were alike. "
    "Memories that replay made strong and another day confirmed are handed to the cortex."
)
RIPPLES_TEXT = "Events that mark an episode for replay, by kind."
CURVES_TEXT = (
    "Scores of the parameters after each deep night less those before it, on days lived since: neither training "
    "nor choice has seen them, so that the mean is unbiased. In each learner's own unit."
)
LEARNED_TEXT = "Weight of each source as the nights changed it: followed above 0, faded below."
COVERAGE_TEXT = (
    "Share of bars with each feature present. A feature is absent while it warms up, or where no source has it; "
    "it is then left out, not guessed."
)
DECISIONS_TEXT = (
    "Ranked by what the change of weights earned or lost over the 21 bars after its fill, against not having "
    "changed, as a share of equity. Hindsight: none of it was known at the time. Open one to read how it came about."
)
HELD_TEXT = (
    "Rules cut a target; a no-go keeps the basal ganglia from releasing an instrument; the venue refuses an order. "
    "Counted once a bar and instrument."
)
PARTICULARS_TEXT = "`janus replay` computes the run again and must find the same decision chain."


def _chart(title: str, figure: Any, note: str = "", after: str = "") -> str:
    return _section(title, _figure(figure) + after, note)


def _figure(figure: Any) -> str:
    return figure.to_html(
        full_html=False, include_plotlyjs=False, config={"displayModeBar": False, "responsive": True}
    )


def _section(title: str, body: str, note: str = "", kind: str = "") -> str:
    muted = f"<p class='muted'>{html.escape(note)}</p>" if note else ""
    return f"<section class='{kind}'><h2>{html.escape(title)}</h2>{muted}<div class='wide'>{body}</div></section>"


def _two(left: str, right: str) -> str:
    return f"<div class='two'>{left}{right}</div>"


def _nights_section(ledger: Ledger, nights: Sequence[SleepReport]) -> str:
    chart = _figure(charts.nights(nights)) if any(night.candidates for night in nights) else ""
    note = tables.nights_text(nights, int(ledger.ts[0]))
    changed = _section("What the nights changed", chart + tables.nights_table(nights), note)
    if not any(night.cycles for night in nights):
        return changed
    slept = _section("How the nights passed", tables.sleep_table(nights), SLEEP_TEXT)
    ripples = _section("What stood out", tables.ripples_table(nights), RIPPLES_TEXT)
    curves = tables.curves_table(nights)
    judged = _section("What deep nights were worth", curves, CURVES_TEXT) if curves else ""
    return changed + _two(slept, ripples) + judged


def _equity_text(summary: Mapping[str, Any]) -> str:
    alone = " With one instrument the baselines are the same." if summary["instruments"] == 1 else ""
    return EQUITY_TEXT + alone


def _profit(
    summary: Mapping[str, Any],
    ledger: Ledger,
    instruments: Mapping[str, Mapping[str, float]],
    sources: Mapping[str, float],
) -> str:
    """Where the profit came from and what trading cost."""
    titles = ("Profit by instrument", "Profit by source", "Costs")
    if not ledger.fills:
        left, right, below = (_section(title, "<p>Nothing was traded.</p>") for title in titles)
        return _two(left, right) + below
    profits = charts.attribution({k: v["pnl"] for k, v in instruments.items()}, "after costs")
    return _two(
        _chart(titles[0], profits, INSTRUMENTS_TEXT),
        _chart(titles[1], _sources_chart(ledger, sources), _sources_text(summary)),
    ) + _chart(titles[2], charts.costs(ledger), "Commission, half spread and impact, added up.")


def _sources_chart(ledger: Ledger, sources: Mapping[str, float]) -> Any:
    silent = {n for n, on in zip(ledger.source_names, ledger.source_active, strict=True) if not on}
    return charts.attribution({k: v for k, v in sources.items() if k not in silent}, "before costs")


def _sources_text(summary: Mapping[str, Any]) -> str:
    text = (
        "Each position's profit, shared by the sources that pointed its way. The anchor is the rest: the "
        "risk-balanced long book held when no source has anything to say."
    )
    silent = ", ".join(name.replace("_", " ") for name in summary["inactive_sources"])
    return f"{text} Silent, because these data cannot carry them: {silent}." if silent else text


def _head(summary: Mapping[str, Any]) -> str:
    trials = f"{summary['trials']} trial{'s' if summary['trials'] > 1 else ''}"
    cards = "".join(
        f"<div class='card'><b>{number(summary[key], style)}{unit}</b><span>{label}</span></div>"
        for key, style, unit, label in (
            ("final_equity", ",", "", "final equity"),
            ("total_return", "%", "", "return in all"),
            ("sharpe", "", "", "Sharpe, net"),
            ("sortino", "", "", "Sortino"),
            ("max_drawdown", "%", "", "max drawdown"),
            ("turnover", "", "×", "turnover a year"),
            ("costs", ",", "", "costs"),
            ("deflated_sharpe_prob", "%", "", f"deflated Sharpe, {trials}"),
        )
    )
    said = [note for note in (summary["survivorship_note"], caution(summary), *summary["notes"]) if note]
    notes = "".join(f"<p><b>{html.escape(note)}</b></p>" for note in said)
    words = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in in_short(summary))
    terms = "".join(f"<dt>{html.escape(term)}</dt><dd>{html.escape(text)}</dd>" for term, text in GLOSSARY)
    many = "instrument" if summary["instruments"] == 1 else "instruments"
    world = "" if summary["world"] == "real" else f", {summary['world']} world"
    return (
        f"<h1>JANUS</h1><p class='muted'>{summary['instruments']} {many}, {summary['bars']:,} bars, "
        f"{summary['start']} to {summary['end']}{world}</p>"
        + (f"<section class='warn'>{notes}</section>" if notes else "")
        + f"<section class='short'>{words}<details><summary>What the words on this page mean</summary>"
        f"<dl>{terms}</dl></details></section><section><div class='cards'>{cards}</div></section>"
    )
