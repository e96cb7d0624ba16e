"""What the report and the closing table say in words: the short story, cautions, and explanations."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from janus_trader.contracts.decision import Posture
from janus_trader.contracts.regime import Regime
from janus_trader.runs.figures_text import number

#: Below this span figures that are a year's are extrapolations.
SHORT_SPAN_DAYS = 120

REGIME_MEANINGS = {
    Regime.BULL: "rising, calm",
    Regime.BEAR: "falling",
    Regime.RANGING: "no direction",
    Regime.CRISIS: "falling fast, everything together",
    Regime.RECOVERY: "rising out of a fall, still rough",
    Regime.BUBBLE: "rising too fast to last",
    Regime.DEFLATION: "slow decline, little volume or risk taken",
}

POSTURE_MEANINGS = {
    Posture.NORMAL: "trades freely within the rules",
    Posture.REDUCE: "smaller targets",
    Posture.FREEZE: "no position may grow",
    Posture.SAFE: "positions are halved, no new risk",
    Posture.HALT: "exits only",
}

LEARNER_MEANINGS = {
    "affinity": "which source suits which instrument",
    "fear": "which situations preceded large losses",
    "hmm": "the market's hidden states (deep nights)",
    "impact": "what trading costs, from fills",
    "no_go_patterns": "situations in which acting paid badly",
    "opal": "how far to follow or fade each source",
    "relevance": "which senses were informative",
    "schemas": "what each regime looks like",
}

GLOSSARY = (
    ("bar", "one time step of the data, a day for daily data; every decision is taken at a bar's close."),
    (
        "baselines",
        "simple portfolios of the same instruments that fill by the same rule and pay the same costs: "
        "equal weight, buy and hold, minimum variance, and hrp (hierarchical risk parity).",
    ),
    ("Sharpe", "return over cash divided by its volatility, a year's. Above 1 is good; a coin has 0."),
    ("Sortino, Calmar", "the same return, divided by downside volatility, or by the worst drawdown."),
    ("drawdown", "how far equity is below its highest point so far."),
    ("turnover", "value traded in a year over mean equity: 2 means that the book is bought and sold once."),
    (
        "deflated Sharpe",
        "probability that the true Sharpe ratio is above zero once the number of configurations that were "
        "tried on this data is taken into account.",
    ),
    ("regime", "the kind of market the cortex believes in; the ribbon shows how sure it is."),
    ("appetite", "one number of the hypothalamus that scales every target: 1 is full risk."),
    ("posture", "how much the amygdala allows, from normal to halt."),
    ("source", "a strategy, or a signal from outside. The brain learns to follow it, ignore it or fade it."),
    ("anchor", "the risk-balanced long book the allocator holds when no source has anything to say."),
    (
        "night",
        "after each trading day the brain replays episodes and proposes new parameters (candidates). They "
        "replace the old only if they are not worse on recent days that no training has used.",
    ),
)


def caution(summary: Mapping[str, Any]) -> str:
    """A warning about spans too short for figures that are a year's; empty where there is no reason."""
    days = (date.fromisoformat(summary["end"]) - date.fromisoformat(summary["start"])).days + 1
    if days >= SHORT_SPAN_DAYS:
        return ""
    many = "1 day" if days == 1 else f"{days} days"
    return f"Short span: {many}. Sharpe, volatility and turnover are scaled to a year and say little here."


def in_short(summary: Mapping[str, Any]) -> list[str]:
    """The outcome in a few sentences, good or bad."""
    benchmark = summary["benchmark"].replace("_", " ")
    other = summary["baselines"].get(summary["benchmark"])
    sentences = [
        f"Equity {_moved(summary['total_return'])} and ended at {number(summary['final_equity'], ',')}, after "
        f"{number(summary['costs'], ',')} of costs; worst drawdown {summary['max_drawdown']:.1%}."
        + (f" {benchmark.capitalize()} {_moved(other['total_return'])}." if other else "")
    ]
    if not summary["fills"]:
        sentences.append("Nothing was traded: no decision asked for a change above the trading band.")
    gap = summary["sharpe_diff"]
    if gap:
        sentences.append(
            f"Sharpe minus {benchmark}: {gap['mean']:+.2f}, 95 % interval {gap['lo']:+.2f} to {gap['hi']:+.2f}: "
            f"{_verdict(gap)}."
        )
    if summary["deflated_sharpe_prob"] is not None:
        trials = summary["trials"]
        sentences.append(
            f"Deflated Sharpe probability {summary['deflated_sharpe_prob']:.0%} over {trials} "
            f"trial{'s' if trials > 1 else ''}."
        )
    candidates = summary["candidates"]
    sentences.append(
        f"{summary['nights']} nights, warm-up included: {candidates['accepted']} candidates accepted, "
        f"{candidates['rejected']} rejected."
    )
    return sentences


def _moved(total_return: float) -> str:
    if abs(total_return) < 5e-5:
        return "did not move"
    return f"{'rose' if total_return > 0 else 'fell'} {abs(total_return):.1%}"


def _verdict(gap: Mapping[str, float]) -> str:
    if gap["lo"] > 0:
        return "better than chance would explain"
    if gap["hi"] < 0:
        return "worse than chance would explain"
    return "no difference that chance could not explain"
