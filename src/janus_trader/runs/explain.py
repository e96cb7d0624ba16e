"""The whole chain of one decision in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from janus_trader.contracts.decision import LogicReport, Posture, Recollection, Severity
from janus_trader.contracts.orders import Side
from janus_trader.contracts.regime import Regime
from janus_trader.runs.records import StepRecord


def explain(record: StepRecord, symbols: Sequence[str], chain_head: str, top: int = 6) -> list[str]:
    """Paragraphs that tell one decision from perception to orders.

    Parameters
    ----------
    record : StepRecord
    symbols : sequence of str
    chain_head : str
        Hash chain after this decision: the proof that the journal says the same.
    top : int
        How many instruments and sources to name.
    """
    d = record.decision
    when = datetime.fromtimestamp(record.ts_event / 1e9, UTC).strftime("%Y-%m-%d %H:%M UTC")
    lines = [f"Decision {record.step} at {when}; equity {record.equity:,.2f}.", _headline(record)]
    lines.append(_regime(record))
    a = d.appetite
    lines.append(
        f"Hypothalamus: risk appetite {a.scalar:.2f} = regime {a.regime_factor:.2f} × drawdown "
        f"{a.drawdown_factor:.2f} × volatility {a.volatility_factor:.2f} × Kelly {a.kelly_factor:.2f} × energy "
        f"{a.energy_factor:.2f}; target volatility {a.target_volatility:.1%} a year."
    )
    raised = sorted(d.threat.detectors.items(), key=lambda item: -item[1])[:3]
    said = ", ".join(f"{name.replace('_', ' ')} {value:.2f}" for name, value in raised) or "nothing"
    lines.append(
        f"Amygdala: threat {d.threat.score:.2f} ({Severity(d.threat.severity).name.lower()}), fear "
        f"{d.threat.fear:.2f}, posture {Posture(d.threat.posture).name.lower()}; loudest: {said}."
    )
    gates = ", ".join(f"{name} {value:.2f}" for name, value in d.percept.gates.items())
    seen = _ranked(d.percept.evidence, symbols, 3)
    lines.append(
        f"Thalamus: gates {gates or 'none'}; what the visual cortex and the other senses see, gated: "
        f"{seen or 'nothing'}."
    )
    if d.recollection is not None:
        lines.append(_memory(d.recollection, symbols, top))
    lines.extend(_sources(record, symbols, top))
    lines.append(_action(record, symbols, top))
    lines.append(
        f"Hypothalamus: target by {d.target.method.replace('_', ' ')}, {_gross(d.target.weights)}; expected "
        f"volatility {d.target.expected_volatility:.1%} a year; mean correlation {d.correlation_average:.2f}."
    )
    lines.append(_verdict(record))
    lines.append(_changes(record, symbols, top))
    lines.append(
        f"Cerebellum: expects the trade to cost {d.forecast.total:,.2f} "
        f"(median {float(np.median(d.forecast.cost_bps)):.1f} bp; correction {d.forecast.correction:+.2f} bp)."
    )
    if d.logic is not None:
        lines.append(_logic(d.logic))
    if d.goals:
        lines.append(f"Goals: {d.goals}.")
    lines.extend(_orders(record))
    lines.append(
        f"Nights: decided with the learned parameters {d.parameters}, which only a night's replay of the "
        "hippocampus' episodes changes."
    )
    lines.append(f"Hash chain {chain_head}.")
    return lines


def _logic(report: LogicReport) -> str:
    """How far the choice satisfies the market axioms, and which it breaks."""
    text = f"Prefrontal logic: the choice satisfies the market axioms to {report.satisfaction:.0%}"
    if not report.violated:
        return text + "; none is violated."
    worst = sorted(report.violated, key=lambda name: (report.truths[name], name))[:3]
    said = ", ".join(f"{name.replace('_', ' ')} {report.truths[name]:.0%}" for name in worst)
    return f"{text}; below tolerance: {said}."


def _headline(record: StepRecord) -> str:
    """The decision in one sentence."""
    d = record.decision
    regime, posture = Regime(d.regime.dominant), Posture(d.threat.posture)
    text = f"In short: {regime.name.lower()} market, posture {posture.name.lower()}; "
    text += f"held {_gross(record.weights)}, wanted {_gross(d.target.weights)}, allowed {_gross(d.weights)}; "
    if not record.traded:
        return text + "only observing."
    buys = sum(o.side == Side.BUY for o in record.orders)
    return text + (f"{buys} to buy, {len(record.orders) - buys} to sell." if record.orders else "no order.")


def _gross(weights: Sequence[float] | np.ndarray) -> str:
    values = np.asarray(weights, dtype=np.float64)
    return f"{np.abs(values).sum():.0%} gross and {values.sum():+.0%} net"


def _ranked(values: np.ndarray, symbols: Sequence[str], top: int, percent: bool = False) -> str:
    """The largest values by name, as they are or in percent; what rounds to zero is left out."""
    scale = 100.0 if percent else 1.0
    rounded = np.round(np.asarray(values, dtype=np.float64) * scale, 1 if percent else 2)
    order = np.argsort(-np.abs(rounded), kind="stable")[:top]
    form = "{} {:+.1f} %" if percent else "{} {:+.2f}"
    return ", ".join(form.format(symbols[i], rounded[i]) for i in order if rounded[i] != 0)


def _changes(record: StepRecord, symbols: Sequence[str], top: int) -> str:
    change = np.asarray(record.decision.weights) - np.asarray(record.weights)
    said = _ranked(change, symbols, top, percent=True)
    return f"Change of weights: {said or 'none worth naming'}."


def _regime(record: StepRecord) -> str:
    r = record.decision.regime
    ranked = sorted(zip(Regime, r.posterior, strict=True), key=lambda item: -item[1])[:3]
    shares = ", ".join(f"{regime.name.lower()} {p:.0%}" for regime, p in ranked)
    voters = ", ".join(
        f"{name} says {Regime(int(np.argmax(vote))).name.lower()}" for name, vote in r.votes.items()
    )
    return (
        f"Cortex: {Regime(r.dominant).name.lower()} for {r.age} bars ({shares}); {voters or 'no voter is warm yet'}; "
        f"agreement {r.agreement:.0%}, change probability {r.change_probability:.0%}, turbulence {r.turbulence:.2f}."
    )


def _memory(seen: Recollection, symbols: Sequence[str], top: int) -> str:
    """Days like this, and how they ended."""
    if not len(seen.steps):
        return "Hippocampus: no day remembered was like this one."
    days = ", ".join(
        f"{_day(int(ts))} ({similarity:.0%} alike, the book {reward:+.2%})"
        for ts, similarity, reward in list(zip(seen.ts_events, seen.similarity, seen.rewards, strict=True))[
            :top
        ]
    )
    more = len(seen.steps) - top
    others = f", and {more} more" if more > 0 else ""
    rose = int(np.sum(np.asarray(seen.rewards) > 0))
    expected = _ranked(seen.outlook, symbols, 3)
    return (
        f"Hippocampus: days like this, and how they ended: {days}{others}. The book gained after {rose} of "
        f"{len(seen.steps)}; outlook from what each instrument did then {expected or 'none'}; of the book "
        f"{seen.reward:+.2f} usual deviations; trusted {seen.confidence:.0%}."
    )


def _day(ts_ns: int) -> str:
    """Date of a time stamp, with the hour unless it is midnight."""
    when = datetime.fromtimestamp(ts_ns / 1e9, UTC)
    return when.strftime("%Y-%m-%d" if when.hour == when.minute == 0 else "%Y-%m-%d %H:%M")


def _sources(record: StepRecord, symbols: Sequence[str], top: int) -> list[str]:
    d = record.decision
    weights, values = d.action.source_weights, d.signals.values
    strength = np.abs(weights) * np.abs(values).sum(axis=1)
    lines = []
    for i in [int(i) for i in np.argsort(-strength, kind="stable")[:top] if strength[i] > 0]:
        stance = "follows" if weights[i] > 0 else "fades"
        names = _ranked(values[i], symbols, 3)
        source = d.signals.names[i].replace("_", " ")
        lines.append(f"Strategies: {stance} {source} at weight {weights[i]:+.2f}: {names}.")
    quiet = [
        name.replace("_", " ") for name, on in zip(d.signals.names, d.signals.active, strict=True) if not on
    ]
    if quiet:
        lines.append(f"Strategies: {', '.join(quiet)} cannot work on this data and stay silent.")
    return lines or ["Strategies: no source has anything to say."]


def _action(record: StepRecord, symbols: Sequence[str], top: int) -> str:
    action = record.decision.action
    chosen = _ranked(action.score, symbols, top)
    held = ", ".join(
        f"{symbols[int(i)]} ({', '.join(reason.value.replace('_', ' ') for reason in reasons)})"
        for i, reasons in list(action.no_go_reasons.items())[:top]
    )
    text = (
        f"Basal ganglia: dopamine {action.dopamine:+.2f}; released {int(np.sum(action.released))} of "
        f"{len(action.released)} instruments; strongest views {chosen or 'none'}."
    )
    if held:
        text += f" Held back: {held}."
    if action.vetoes:
        text += f" Vetoed: {', '.join(v.value.replace('_', ' ') for v in action.vetoes)}."
    return text


def _verdict(record: StepRecord) -> str:
    verdict = record.decision.verdict
    broken = [rule for rule in verdict.rules if not rule.passed]
    if not broken:
        return f"Prefrontal: {len(verdict.rules)} rules passed; target allowed as it is."
    said = "; ".join(f"{rule.rule.replace('_', ' ')}: {rule.detail or 'not met'}" for rule in broken)
    return f"Prefrontal: cut the target. {said}."


def _orders(record: StepRecord) -> list[str]:
    if not record.traded:
        return ["Execution: only observing before the run's own start; nothing is sent."]
    if not record.orders:
        return ["Execution: no order; every difference to the target is below the trading band."]
    named = ", ".join(
        f"{o.side.value} {o.quantity:g} {o.symbol} (decided at {o.decision_price:g})"
        for o in record.orders[:10]
    )
    more = f" and {len(record.orders) - 10} more" if len(record.orders) > 10 else ""
    lines = [f"Execution: {len(record.orders)} orders for the next bar: {named}{more}."]
    if record.refusals:
        lines.append(
            "Refused: "
            + ", ".join(f"{r.symbol} {r.reason.value.replace('_', ' ')}" for r in record.refusals)
            + "."
        )
    return lines
