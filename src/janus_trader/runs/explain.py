"""The whole chain of one decision in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from janus_trader.contracts.decision import Posture, Severity
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
    lines = [f"Decision {record.step} at {when}; equity {record.equity:,.2f}."]
    lines.append(_regime(record))
    a = d.appetite
    lines.append(
        f"Hypothalamus: risk appetite {a.scalar:.2f} = regime {a.regime_factor:.2f} × drawdown "
        f"{a.drawdown_factor:.2f} × volatility {a.volatility_factor:.2f} × Kelly {a.kelly_factor:.2f} × energy "
        f"{a.energy_factor:.2f}; target volatility {a.target_volatility:.1%} a year."
    )
    raised = sorted(d.threat.detectors.items(), key=lambda item: -item[1])[:3]
    said = ", ".join(f"{name} {value:.2f}" for name, value in raised) or "nothing"
    lines.append(
        f"Amygdala: threat {d.threat.score:.2f} ({Severity(d.threat.severity).name.lower()}), fear "
        f"{d.threat.fear:.2f}, posture {Posture(d.threat.posture).name.lower()}; loudest: {said}."
    )
    gates = ", ".join(f"{name} {value:.2f}" for name, value in d.percept.gates.items())
    lines.append(f"Thalamus: gates {gates}.")
    lines.extend(_sources(record, symbols, top))
    lines.append(_action(record, symbols, top))
    lines.append(
        f"Hypothalamus: target by {d.target.method.replace('_', ' ')}, expected volatility "
        f"{d.target.expected_volatility:.1%} a year; mean correlation {d.correlation_average:.2f}."
    )
    lines.append(_verdict(record))
    lines.append(
        f"Cerebellum: expects the trade to cost {d.forecast.total:,.2f} "
        f"(median {float(np.median(d.forecast.cost_bps)):.1f} bp; correction {d.forecast.correction:+.2f} bp)."
    )
    lines.extend(_orders(record))
    lines.append(f"Learned parameters {d.parameters}; hash chain {chain_head}.")
    return lines


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


def _sources(record: StepRecord, symbols: Sequence[str], top: int) -> list[str]:
    d = record.decision
    weights, values = d.action.source_weights, d.signals.values
    strength = np.abs(weights) * np.abs(values).sum(axis=1)
    lines = []
    for i in [int(i) for i in np.argsort(-strength, kind="stable")[:top] if strength[i] > 0]:
        stance = "follows" if weights[i] > 0 else "fades"
        order = np.argsort(-np.abs(values[i]), kind="stable")[:3]
        names = ", ".join(f"{symbols[j]} {values[i, j]:+.2f}" for j in order if values[i, j] != 0)
        lines.append(f"Strategies: {stance} {d.signals.names[i]} at weight {weights[i]:+.2f}: {names}.")
    quiet = [name for name, on in zip(d.signals.names, d.signals.active, strict=True) if not on]
    if quiet:
        lines.append(f"Strategies: {', '.join(quiet)} cannot work on this data and stay silent.")
    return lines or ["Strategies: no source has anything to say."]


def _action(record: StepRecord, symbols: Sequence[str], top: int) -> str:
    action = record.decision.action
    order = np.argsort(-np.abs(action.score), kind="stable")[:top]
    chosen = ", ".join(f"{symbols[i]} {action.score[i]:+.2f}" for i in order if action.score[i] != 0)
    held = ", ".join(
        f"{symbols[int(i)]} ({', '.join(reason.value.replace('_', ' ') for reason in reasons)})"
        for i, reasons in list(action.no_go_reasons.items())[:top]
    )
    text = (
        f"Basal ganglia: dopamine {action.dopamine:+.2f}; released {int(np.sum(action.released))} of "
        f"{len(action.released)}; strongest {chosen or 'none'}."
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
    said = "; ".join(f"{rule.rule}: {rule.detail or 'not met'}" for rule in broken)
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
