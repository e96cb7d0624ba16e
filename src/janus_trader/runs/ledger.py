"""A journal read once into arrays: the raw material of figures, tables and the report."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from janus_trader.contracts.memory import SleepReport
from janus_trader.contracts.orders import Fill, OrderIntent, Refusal, Side
from janus_trader.contracts.regime import N_REGIMES
from janus_trader.foundation.codec import decode
from janus_trader.runs.records import StepRecord, read_records
from janus_trader.stores.frames import read_frames


@dataclass
class Ledger:
    """Arrays over the ``T`` traded bars of a run of ``n`` instruments and ``k`` sources.

    ``contribution`` is (T, k, n): source weight × signal, the part of each score that a source gave.
    """

    step: np.ndarray
    ts: np.ndarray
    session: np.ndarray
    equity: np.ndarray
    cash: np.ndarray
    costs: np.ndarray
    weights: np.ndarray
    posterior: np.ndarray
    dominant: np.ndarray
    posture: np.ndarray
    severity: np.ndarray
    appetite: np.ndarray
    dopamine: np.ndarray
    gates: dict[str, np.ndarray]
    source_names: tuple[str, ...]
    source_active: np.ndarray
    source_weights: np.ndarray
    contribution: np.ndarray
    score: np.ndarray
    changed_by_review: np.ndarray
    orders: list[OrderIntent] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    rule_hits: Counter = field(default_factory=Counter)
    no_go: Counter = field(default_factory=Counter)
    traded_value: float = 0.0

    def __len__(self) -> int:
        return len(self.ts)


def read_ledger(journal: Path, n: int) -> Ledger:
    """Read every traded bar of a journal. Cost O(T·k·n) memory in float32."""
    contribution: list[np.ndarray] = []
    columns: dict[str, list[float]] = {}
    orders: list[OrderIntent] = []
    fills: list[Fill] = []
    refusals: list[Refusal] = []
    rules: Counter = Counter()
    no_go: Counter = Counter()
    arrays: dict[str, list] = {
        key: []
        for key in [
            "step",
            "ts",
            "session",
            "equity",
            "cash",
            "costs",
            "weights",
            "posterior",
            "dominant",
            "posture",
            "severity",
            "appetite",
            "dopamine",
            "source_weights",
            "score",
            "changed",
        ]
    }
    names: tuple[str, ...] = ()
    active = np.zeros(0, dtype=bool)
    for record in read_records(journal):
        if not record.traded:
            continue
        decision = record.decision
        names, active = decision.signals.names, np.asarray(decision.signals.active)
        weight = decision.action.source_weights
        contribution.append((weight[:, None] * decision.signals.values).astype(np.float32))
        _append(arrays, record)
        for key, value in decision.percept.gates.items():
            columns.setdefault(key, [0.0] * (len(arrays["step"]) - 1)).append(value)
        orders.extend(record.orders)
        fills.extend(record.fills)
        refusals.extend(record.refusals)
        rules.update(rule.rule for rule in decision.verdict.rules if not rule.passed)
        no_go.update(reason.value for reasons in decision.action.no_go_reasons.values() for reason in reasons)
        no_go.update(reason.value for reason in decision.action.vetoes)
    length = len(arrays["step"])
    return Ledger(
        step=np.array(arrays["step"], dtype=np.int64),
        ts=np.array(arrays["ts"], dtype=np.int64),
        session=np.array(arrays["session"], dtype=np.int64),
        equity=np.array(arrays["equity"]),
        cash=np.array(arrays["cash"]),
        costs=np.array(arrays["costs"]),
        weights=np.array(arrays["weights"]).reshape(length, n),
        posterior=np.array(arrays["posterior"]).reshape(length, N_REGIMES),
        dominant=np.array(arrays["dominant"], dtype=np.int64),
        posture=np.array(arrays["posture"], dtype=np.int64),
        severity=np.array(arrays["severity"], dtype=np.int64),
        appetite=np.array(arrays["appetite"]),
        dopamine=np.array(arrays["dopamine"]),
        gates={key: np.array(value) for key, value in columns.items()},
        source_names=names,
        source_active=active,
        source_weights=np.array(arrays["source_weights"]).reshape(length, len(names)),
        contribution=np.array(contribution, dtype=np.float32).reshape(length, len(names), n),
        score=np.array(arrays["score"]).reshape(length, n),
        changed_by_review=np.array(arrays["changed"], dtype=bool),
        orders=orders,
        fills=fills,
        refusals=refusals,
        rule_hits=rules,
        no_go=no_go,
        traded_value=float(sum(fill.quantity * fill.price for fill in fills)),
    )


def _append(arrays: dict[str, list], record: StepRecord) -> None:
    decision = record.decision
    values = {
        "step": record.step,
        "ts": record.ts_event,
        "session": record.session,
        "equity": record.equity,
        "cash": record.cash,
        "costs": record.costs,
        "weights": record.weights,
        "posterior": decision.regime.posterior,
        "dominant": int(decision.regime.dominant),
        "posture": int(decision.threat.posture),
        "severity": int(decision.threat.severity),
        "appetite": decision.appetite.scalar,
        "dopamine": decision.action.dopamine,
        "source_weights": decision.action.source_weights,
        "score": decision.action.score,
        "changed": decision.verdict.changed,
    }
    for key, value in values.items():
        arrays[key].append(value)


def read_nights(path: Path) -> list[SleepReport]:
    """All sleep reports of a run."""
    return [decode(payload, SleepReport) for payload in read_frames(path)]


def instrument_pnl(
    ledger: Ledger, symbols: tuple[str, ...], last_close: np.ndarray
) -> dict[str, dict[str, float]]:
    """Exact profit per instrument from its cash flows: value now + sold − bought − costs, in currency."""
    table = {symbol: {"pnl": 0.0, "costs": 0.0, "traded": 0.0, "quantity": 0.0} for symbol in symbols}
    for fill in ledger.fills:
        row = table[fill.symbol]
        sign = 1.0 if fill.side == Side.BUY else -1.0
        row["pnl"] -= sign * fill.quantity * fill.price + fill.cost
        row["costs"] += fill.cost
        row["traded"] += fill.quantity * fill.price
        row["quantity"] += sign * fill.quantity
    for symbol, price in zip(symbols, last_close, strict=True):
        row = table[symbol]
        if row["quantity"] != 0.0 and np.isfinite(price):
            row["pnl"] += row["quantity"] * float(price)
    return table


def source_pnl(ledger: Ledger, close: np.ndarray) -> dict[str, float]:
    """Profit shared among the sources of signals, in currency.

    The bar profit of each position (weight × equity × return) is shared among the sources whose
    contribution points the way of the position, in proportion to it; what no source supports is the
    ``anchor``'s. An approximation: the optimiser weighs instruments jointly.
    """
    k = len(ledger.source_names)
    if len(ledger) < 3:
        return dict.fromkeys((*ledger.source_names, "anchor"), 0.0)
    returns = np.zeros_like(close)
    returns[1:] = np.nan_to_num(close[1:] / close[:-1] - 1.0)
    profit = ledger.weights[:-1] * ledger.equity[:-1, None] * returns[1:]
    # the position held over bar t+1 was decided at t-1 and filled at t
    decided = np.concatenate([ledger.contribution[:1], ledger.contribution[:-1]])[:-1]
    side = np.sign(ledger.weights[:-1])[:, None, :]
    support = np.maximum(decided * side, 0.0)
    weight = support / (support.sum(axis=1, keepdims=True) + 0.25)
    shares = np.einsum("tkn,tn->k", weight, profit)
    result = {ledger.source_names[i]: float(shares[i]) for i in range(k)}
    result["anchor"] = float(profit.sum() - shares.sum())
    return result
