"""Tables of the report as HTML."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from janus_trader.contracts.decision import Posture
from janus_trader.contracts.memory import SleepReport
from janus_trader.contracts.regime import Regime
from janus_trader.runs.figures_text import COLUMNS, number
from janus_trader.runs.ledger import Ledger
from janus_trader.runs.report_words import LEARNER_MEANINGS, POSTURE_MEANINGS, REGIME_MEANINGS

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class KeyDecision:
    """A decision that mattered: its number, day, what the change earned, and its words."""

    step: int
    day: str
    effect: float
    words: tuple[str, ...]


def html_table(header: Sequence[str], rows: Sequence[str], kind: str = "") -> str:
    """A table from its header and its finished rows."""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in header)
    return f"<table class='{kind}'><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _cells(*values: object) -> str:
    return "<tr>" + "".join(f"<td>{html.escape(str(v))}</td>" for v in values) + "</tr>"


def figures_table(summary: Mapping[str, Any]) -> str:
    """The run above its baselines, and each part of the span that is told apart."""
    rows = [_figures_row("janus", summary, "run")]
    rows += [_figures_row(name, figures) for name, figures in summary["baselines"].items()]
    for name, part in summary.get("parts", {}).items():
        rows.append(_figures_row(f"janus, {name}", part["janus"], "run"))
        rows += [_figures_row(f"{other}, {name}", figures) for other, figures in part["baselines"].items()]
    return html_table(["", *[label for _, _, label in COLUMNS]], rows)


def _figures_row(name: str, figures: Mapping[str, Any], kind: str = "") -> str:
    cells = "".join(f"<td>{number(figures.get(key), style)}</td>" for key, style, _ in COLUMNS)
    return f"<tr class='{kind}'><td>{html.escape(name.replace('_', ' '))}</td>{cells}</tr>"


def monthly_returns(ts: np.ndarray, equity: np.ndarray) -> dict[int, dict[int, float]]:
    """Return of each calendar month (UTC) by year and month 0 to 11; the first counts from its first bar."""
    months = ts.astype("datetime64[ns]").astype("datetime64[M]")
    last = np.flatnonzero(np.append(months[1:] != months[:-1], True))
    ends, values = months[last], equity[last]
    returns = values / np.concatenate([equity[:1], values[:-1]]) - 1.0
    table: dict[int, dict[int, float]] = {}
    for month, value in zip(ends, returns, strict=True):
        year, index = divmod(int(month.astype(np.int64)), 12)
        table.setdefault(1970 + year, {})[index] = float(value)
    return table


def monthly_table(ts: np.ndarray, equity: np.ndarray) -> str:
    """Returns by year and month, shaded by size."""
    rows = []
    for year, cells in monthly_returns(ts, equity).items():
        total = float(np.prod([1.0 + v for v in cells.values()]) - 1.0)
        row = "".join(_shade(cells.get(i)) for i in range(12))
        rows.append(f"<tr><td>{year}</td>{row}{_shade(total, 0.4)}</tr>")
    return html_table(["", *_MONTHS, "year"], rows, "month")


def _shade(value: float | None, full: float = 0.1) -> str:
    if value is None:
        return "<td></td>"
    alpha = min(1.0, abs(value) / full) * 0.55
    colour = f"46,139,87,{alpha:.2f}" if value >= 0 else f"192,57,43,{alpha:.2f}"
    return f"<td style='background:rgba({colour})'>{100 * value:.1f}</td>"


def regime_table(ledger: Ledger, baselines: Mapping[str, np.ndarray]) -> str:
    """How much of the time each regime was believed in, and what was earned meanwhile.

    The return from bar t to t+1 belongs to the regime that was dominant at t.
    """
    logs = {"janus": np.diff(np.log(np.maximum(ledger.equity, 1e-9)))}
    logs |= {name: np.diff(np.log(np.maximum(curve, 1e-9))) for name, curve in list(baselines.items())[:1]}
    gross = np.abs(ledger.weights).sum(axis=1)
    rows = []
    for regime in Regime:
        at = ledger.dominant == regime
        if at.any():
            earned = [f"{np.expm1(part[at[:-1]].sum()):+.1%}" for part in logs.values()]
            meaning = f"{regime.name.lower()}: {REGIME_MEANINGS[regime]}"
            rows.append(_cells(meaning, f"{at.mean():.1%}", f"{gross[at].mean():.0%}", *earned))
    names = [name.replace("_", " ") for name in logs]
    return html_table(["regime", "of the time", "mean gross exposure", *names], rows)


def posture_table(ledger: Ledger) -> str:
    """How long each posture lasted and what it allows."""
    rows = [
        _cells(f"{posture.name.lower()}: {POSTURE_MEANINGS[posture]}", f"{np.mean(at):.1%}", int(at.sum()))
        for posture in Posture
        if (at := ledger.posture == posture).any()
    ]
    return html_table(["posture", "of the time", "bars"], rows)


def nights_table(nights: Sequence[SleepReport]) -> str:
    """Every learner: what it learns, how often its candidates were taken, and by how much they differed."""
    found: dict[str, list[Any]] = {}
    for night in nights:
        for candidate in night.candidates:
            found.setdefault(candidate.learner, []).append(candidate)
    if not found:
        return "<p>No night had enough finished episodes before the held-back days to train on.</p>"
    rows = []
    for name, candidates in sorted(found.items()):
        taken = [c for c in candidates if c.accepted]
        gains = [
            [c.candidate - c.incumbent for c in candidates if c.accepted is kind] for kind in (True, False)
        ]
        rows.append(
            _cells(
                name.replace("_", " "),
                LEARNER_MEANINGS.get(name, ""),
                len(candidates),
                len(taken),
                f"{len(taken) / len(candidates):.0%}",
                *[f"{np.mean(g):+.2g}" if g else "–" for g in gains],
                f"{np.mean([c.change for c in taken]):.1%}" if taken else "–",
            )
        )
    header = ["learner", "learns", "candidates", "accepted", "share", "gain, accepted", "gain, rejected"]
    return html_table([*header, "mean change"], rows, "words2")


def sleep_table(nights: Sequence[SleepReport]) -> str:
    """What light and deep nights did: replay, ripples told, memories handed on."""
    rows = []
    for name, kind in (("light", False), ("deep", True)):
        some = [night for night in nights if night.deep is kind and night.cycles]
        if not some:
            continue
        told = sum(night.ripple_replays for night in some)
        stood = sum(night.ripple_replays * night.compression for night in some)
        rows.append(
            _cells(
                name,
                len(some),
                f"{np.mean([night.replayed for night in some]):.0f}",
                f"{told / len(some):.1f}",
                f"{stood / told:.1f}" if told else "–",
                f"{np.mean([night.traces for night in some]):.0f}",
                sum(night.consolidated for night in some),
            )
        )
    header = ["night", "nights", "episodes replayed", "told around ripples", "each stands for", "traces held"]
    return html_table([*header, "handed to the cortex"], rows) if rows else ""


def ripples_table(nights: Sequence[SleepReport]) -> str:
    """What stood out, by kind."""
    raised: dict[str, int] = {}
    for night in nights:
        for kind, count in night.ripples.items():
            raised[kind] = raised.get(kind, 0) + count
    if not raised:
        return ""
    total = sum(raised.values())
    ranked = sorted(raised.items(), key=lambda item: (-item[1], item[0]))
    rows = [_cells(kind.replace("_", " "), count, f"{count / total:.0%}") for kind, count in ranked]
    return html_table(["ripple", "raised", "share"], rows)


def curves_table(nights: Sequence[SleepReport]) -> str:
    """What deep nights were worth on days lived since, which nothing had been trained or chosen on."""
    found: dict[str, list[float]] = {}
    for night in nights:
        for point in night.curves:
            found.setdefault(point.learner, []).append(point.after - point.before)
    rows = [
        _cells(
            name.replace("_", " "),
            len(gains),
            f"{np.mean(gains):+.2g}",
            f"{np.mean(np.array(gains) > 0):.0%}",
        )
        for name, gains in sorted(found.items())
    ]
    return html_table(["learner", "deep nights judged", "gain on later days", "gained"], rows) if rows else ""


def nights_text(nights: Sequence[SleepReport], first_ns: int) -> str:
    """How many nights there were and how to read their table."""
    accepted = sum(c.accepted for night in nights for c in night.candidates)
    total = sum(len(night.candidates) for night in nights)
    before = sum(night.ts_event < first_ns for night in nights)
    observed = f", {before} of them while only observing before the run's own start" if before else ""
    return (
        f"{len(nights)} nights{observed}; {sum(night.deep for night in nights)} deep. {accepted} of {total} "
        "candidates replaced the day's parameters; the others were worse on days that no training had seen. "
        "Gain is the candidate's score on those days less that of the parameters in force, in each learner's own "
        "unit; change is how far the parameters moved."
    )


def decisions_list(
    decisions: Sequence[KeyDecision], ledger: Ledger, symbols: Sequence[str], top: int = 3
) -> str:
    """One line a decision (day, effect, what changed), which opens to the whole chain in words."""
    if not decisions:
        return "<p>No decision changed a position.</p>"
    return "".join(
        f"<details class='reason'><summary><b>{html.escape(d.day)}</b> "
        f"<span class='{'gain' if d.effect >= 0 else 'loss'}'>{d.effect:+.2%}</span> "
        f"{html.escape(_changed(d.step, ledger, symbols, top))} <span class='muted'>decision {d.step}</span></summary>"
        + "".join(f"<p>{emphasise(line)}</p>" for line in d.words)
        + "</details>"
        for d in decisions
    )


def _changed(step: int, ledger: Ledger, symbols: Sequence[str], top: int) -> str:
    row = int(np.searchsorted(ledger.step, step))
    if row + 1 >= len(ledger):
        return ""
    change = ledger.weights[row + 1] - ledger.weights[row]
    order = [int(i) for i in np.argsort(-np.abs(change), kind="stable")[:top] if abs(change[i]) > 5e-4]
    said = ", ".join(f"{symbols[i]} {100 * change[i]:+.1f}" for i in order)
    regime, posture = Regime(int(ledger.dominant[row])), Posture(int(ledger.posture[row]))
    return f"{regime.name.lower()}, posture {posture.name.lower()}: {said or 'small changes'} % of equity"


def emphasise(line: str) -> str:
    """A sentence as HTML with the region that speaks in bold.

    >>> emphasise("Cortex: bull < bear")
    '<b>Cortex:</b> bull &lt; bear'
    """
    return re.sub(r"^([A-Z][a-z ]{3,24}:)", r"<b>\1</b>", html.escape(line))


def counts_table(ledger: Ledger) -> str:
    """Which rules and reasons cut or held trades back, and how often."""
    refusals = Counter(refusal.reason.value for refusal in ledger.refusals)
    rows = [
        _cells(f"{kind}: {name.replace('_', ' ')}", f"{count:,}")
        for kind, counter in (("rule", ledger.rule_hits), ("no-go", ledger.no_go), ("refused", refusals))
        for name, count in counter.most_common()
    ]
    if not rows:
        return "<p>Nothing held a trade back.</p>"
    return html_table(["reason", "times"], rows)


def particulars_table(summary: Mapping[str, Any]) -> str:
    """What identifies the run, and how fast it was."""
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
    rows = [_cells(key.replace("_", " "), summary.get(key)) for key in keys]
    steps = summary["step_ms"]
    rows.append(_cells("time of one decision", f"{steps['p50']:.2f} ms (p50), {steps['p99']:.2f} ms (p99)"))
    aside = ", ".join(f"{k.replace('_', ' ')}: {v}" for k, v in summary["quarantined"].items()) or "none"
    rows.append(_cells("rows set aside", aside))
    return f"<table><tbody>{''.join(rows)}</tbody></table>"
