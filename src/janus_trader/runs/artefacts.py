"""The tables of a finished run as Parquet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from janus_trader.contracts.regime import Regime
from janus_trader.runs.ledger import Ledger
from janus_trader.runs.round_trips import match_round_trips


def write_tables(
    path: Path, ledger: Ledger, symbols: tuple[str, ...], baselines: Mapping[str, np.ndarray]
) -> int:
    """Write equity, weights, regimes, orders and trades; returns the number of round trips."""
    time = pd.to_datetime(ledger.ts, utc=True)
    equity = pd.DataFrame({"time": time, "janus": ledger.equity, "cash": ledger.cash, "costs": ledger.costs})
    for name, curve in baselines.items():
        equity[name] = curve
    equity.to_parquet(path / "equity.parquet", index=False)
    weights = pd.DataFrame(ledger.weights, columns=list(symbols))
    weights.insert(0, "time", time)
    weights.to_parquet(path / "weights.parquet", index=False)
    regimes = pd.DataFrame(ledger.posterior, columns=[r.name.lower() for r in Regime])
    regimes.insert(0, "time", time)
    regimes.to_parquet(path / "regimes.parquet", index=False)
    _orders(ledger).to_parquet(path / "orders.parquet", index=False)
    trades = _trades(ledger)
    trades.to_parquet(path / "trades.parquet", index=False)
    return len(trades)


def _orders(ledger: Ledger) -> pd.DataFrame:
    fills = {fill.order_id: fill for fill in ledger.fills}
    refused = {refusal.order_id: refusal for refusal in ledger.refusals}
    rows = []
    for order in ledger.orders:
        fill, refusal = fills.get(order.order_id), refused.get(order.order_id)
        rows.append(
            {
                "order_id": order.order_id,
                "decided": order.ts_event,
                "symbol": order.symbol,
                "side": order.side.value,
                "quantity": order.quantity,
                "decision_price": order.decision_price,
                "status": "filled" if fill else ("refused" if refusal else "open"),
                "filled": fill.ts_event if fill else None,
                "fill_price": fill.price if fill else None,
                "cost": fill.cost if fill else None,
                "refusal": refusal.reason.value if refusal else None,
            }
        )
    columns = [
        "order_id",
        "decided",
        "symbol",
        "side",
        "quantity",
        "decision_price",
        "status",
        "filled",
        "fill_price",
        "cost",
        "refusal",
    ]
    frame = pd.DataFrame(rows, columns=columns)
    for name in ("decided", "filled"):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    return frame


def _trades(ledger: Ledger) -> pd.DataFrame:
    trips, _ = match_round_trips(ledger.fills)
    frame = pd.DataFrame(
        {
            "symbol": [t.symbol for t in trips],
            "direction": [t.direction for t in trips],
            "quantity": [t.quantity for t in trips],
            "entry": pd.to_datetime([t.entry_ns for t in trips], utc=True),
            "exit": pd.to_datetime([t.exit_ns for t in trips], utc=True),
            "entry_price": [t.entry_price for t in trips],
            "exit_price": [t.exit_price for t in trips],
            "cost": [t.cost for t in trips],
            "pnl": [t.pnl for t in trips],
        }
    )
    frame["return"] = frame["pnl"] / (frame["entry_price"] * frame["quantity"]) if len(frame) else []
    return frame
