"""The end of a life: figures against the baselines, tables, summary and report."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from janus_trader.contracts.panel import MarketPanel
from janus_trader.data.features import FeatureEngine
from janus_trader.data.panels import panel_returns
from janus_trader.foundation.environment import environment_fingerprint
from janus_trader.foundation.hashing import HashChain
from janus_trader.foundation.rng import Rng
from janus_trader.runs.artefacts import write_tables
from janus_trader.runs.baselines import Baseline, run_baselines
from janus_trader.runs.explain import explain
from janus_trader.runs.history import SELECTION_END, History, HistoryRequest, day_ns, iso
from janus_trader.runs.ledger import Ledger, instrument_pnl, read_ledger, read_nights, source_pnl
from janus_trader.runs.performance import Figures, deflated_probability, figures, sharpe_difference
from janus_trader.runs.records import read_records
from janus_trader.runs.report import Coverage, KeyDecision, render
from janus_trader.runs.settings import LifeConfig
from janus_trader.runs.trials import find_trials, read_trials, trial_count, trial_sharpes
from janus_trader.stores.frames import read_frames
from janus_trader.stores.run_directory import RunDirectory

SURVIVORSHIP = "Not evidence of achievable return: "


class Finish:
    """Computes and writes everything that a finished journal supports."""

    def __init__(
        self,
        directory: RunDirectory,
        history: History,
        config: LifeConfig,
        benchmark: str,
        seed: int,
        silent: int = 0,
    ) -> None:
        self.directory, self.history, self.config = directory, history, config
        self.panel: MarketPanel = history.panel
        self.benchmark, self.seed = benchmark, seed
        self.silent = silent  # recollections that a vector store did not answer
        self.ledger: Ledger = read_ledger(directory.journal, len(self.panel.symbols))
        self.baselines: dict[str, Baseline] = run_baselines(
            self.panel, history.observe, config.baselines, config.costs, config.account
        )
        self.nights = read_nights(directory.nights)

    def write(self, measured: dict[str, Any]) -> dict[str, Any]:
        """Write tables, report and, last, the summary; returns the summary."""
        from janus_trader.foundation.files import write_atomic

        curves = {name: b.equity for name, b in self.baselines.items()}
        trips = write_tables(self.directory.path, self.ledger, self.panel.symbols, curves)
        summary = self.summary(measured, trips)
        line = day_ns(SELECTION_END, end=True)
        page = render(
            summary,
            self.ledger,
            curves,
            self.nights,
            feature_coverage(self.panel, self.config, self.history.observe),
            key_decisions(self.directory, self.ledger, self.panel),
            summary["attribution"]["instruments"],
            summary["attribution"]["sources"],
            line if self._crosses(line) else None,
            self.history.phases,
        )
        write_atomic(self.directory.report, page.encode())
        self.directory.write_json(self.directory.summary, summary)
        return summary

    def _crosses(self, line: int) -> bool:
        request = msgspec.convert(
            self.directory.read_json(self.directory.manifest)["request"], HistoryRequest
        )
        return not (request.files or request.simulated) and bool(
            self.ledger.ts[0] < line < self.ledger.ts[-1]
        )

    def _figures(self, equity: np.ndarray, baseline: str | None, part: slice) -> Figures:
        if baseline is None:
            t0, t1 = int(self.ledger.ts[part][0]), int(self.ledger.ts[part][-1])
            traded = sum(f.quantity * f.price for f in self.ledger.fills if t0 <= f.ts_event <= t1)
            costs = float(self.ledger.costs[part][-1] - (self.ledger.costs[part][0] if part.start else 0.0))
            in_market = np.abs(self.ledger.weights[part]).sum(axis=1) > 1e-6
        else:
            b = self.baselines[baseline]
            traded, costs = float(b.traded_value[part].sum()), float(b.costs[part].sum())
            in_market = b.in_market[part]
        return figures(
            equity[part],
            bars_per_year=self.panel.bars_per_year,
            cash_rate=self.config.account.cash_rate,
            traded_value=traded,
            costs=costs,
            in_market=in_market,
        )

    def _all_figures(self, part: slice) -> tuple[Figures, dict[str, Any]]:
        run = self._figures(self.ledger.equity, None, part)
        others = {name: self._figures(b.equity, name, part).to_dict() for name, b in self.baselines.items()}
        return run, others

    def _benchmark_curve(self) -> np.ndarray:
        if self.benchmark in self.baselines:
            return self.baselines[self.benchmark].equity
        column = self.panel.symbols.index(self.benchmark)
        return self.panel.bars["close"][self.history.observe :, column]

    def summary(self, measured: dict[str, Any], round_trips: int) -> dict[str, Any]:
        """The figures, in the order of the published schema."""
        ledger, panel = self.ledger, self.panel
        whole = slice(0, len(ledger))
        run, others = self._all_figures(whole)
        generator = Rng(self.seed).child("runs.bootstrap").generator()
        trials = read_trials(find_trials())
        count = max(1, trial_count(trials))
        manifest = self.directory.read_json(self.directory.manifest)
        chain = HashChain()
        for payload in read_frames(self.directory.journal):
            chain.append(payload)
        last_close = panel.bars["close"][-1]
        return {
            "run_id": self.directory.run_id,
            "instruments": len(panel.symbols),
            "bars": len(ledger),
            "start": iso(int(ledger.ts[0])),
            "end": iso(int(ledger.ts[-1])),
            "nights": len(self.nights),
            **run.to_dict(),
            "baselines": others,
            "benchmark": self.benchmark,
            "sharpe_diff": sharpe_difference(
                ledger.equity,
                self._benchmark_curve(),
                panel.bars_per_year,
                generator,
                self.config.account.cash_rate,
            ),
            "deflated_sharpe_prob": deflated_probability(
                ledger.equity,
                trial_sharpes(trials),
                count,
                panel.bars_per_year,
                self.config.account.cash_rate,
            ),
            "trials": count,
            "parts": self._parts(),
            "excess_return": self._excess_return(),
            "round_trips": round_trips,
            "orders": len(ledger.orders),
            "fills": len(ledger.fills),
            "refused": len(ledger.refusals),
            "candidates": self._candidates(),
            "attribution": {
                "instruments": instrument_pnl(ledger, panel.symbols, last_close),
                "sources": source_pnl(ledger, panel.bars["close"][self.history.observe :]),
            },
            "source_weights": dict(
                zip(ledger.source_names, map(float, ledger.source_weights[-1]), strict=True)
            ),
            "inactive_sources": [
                n for n, on in zip(ledger.source_names, ledger.source_active, strict=True) if not on
            ],
            "seed": self.seed,
            "world": manifest["request"]["world"],
            "decision_chain": chain.head,
            "config_fingerprint": manifest["config_fingerprint"],
            "environment_fingerprint": environment_fingerprint(),
            "data_fingerprint": self.history.fingerprint,
            "schema_hash": panel.schema.hash,
            "quarantined": dict(panel.quarantined),
            "survivorship_note": SURVIVORSHIP + panel.survivorship_note if panel.survivorship_note else "",
            "notes": self._notes(),
            **measured,
        }

    def _excess_return(self) -> dict[str, float]:
        """Mean bar return over cash of the run, net and before costs, a year."""
        equity, costs = self.ledger.equity, self.ledger.costs
        cash = self.config.account.cash_rate / self.panel.bars_per_year
        net = equity[1:] / equity[:-1] - 1.0 - cash
        gross = net + np.diff(costs) / equity[:-1]
        year = self.panel.bars_per_year
        return {"net": float(net.mean() * year), "gross": float(gross.mean() * year)}

    def _candidates(self) -> dict[str, int]:
        every = [c for night in self.nights for c in night.candidates]
        accepted = sum(c.accepted for c in every)
        return {"accepted": accepted, "rejected": len(every) - accepted}

    def _parts(self) -> dict[str, Any]:
        """Selection period and holdout apart, when the run of the default book lives through both."""
        line = day_ns(SELECTION_END, end=True)
        if not self._crosses(line):
            return {}
        cut = int(np.searchsorted(self.ledger.ts, line, side="right"))
        parts = {}
        for name, part in (
            ("selection", slice(0, cut)),
            ("held out", slice(max(0, cut - 1), len(self.ledger))),
        ):
            if part.stop - part.start > 60:
                run, others = self._all_figures(part)
                parts[name] = {"janus": run.to_dict(), "baselines": others}
        return parts

    def _notes(self) -> list[str]:
        panel, notes = self.panel, []
        brain = self.config.brain
        for what, names in (("In neutral form", brain.neutral), ("Frozen", brain.frozen_learners)):
            if names:
                notes.append(f"{what}, for research only: {', '.join(names)}.")
        if self.silent:
            notes.append(
                f"The vector store did not answer {self.silent} times; nothing was recollected then (run.log)."
            )
        if self.history.phases:
            notes.append("A simulated market: nothing here is evidence about a real one.")
        if not panel.fills_at_open:
            notes.append("Close-only prices: orders fill at the next close and the true range is |Δclose|.")
        if self._crosses(day_ns(SELECTION_END, end=True)):
            notes.append(
                f"Returns after {SELECTION_END} chose no default; one choice in the regime detector was made after "
                "looking at regime counts to 2022, so what follows the line is not wholly unseen."
            )
        return notes


def feature_coverage(panel: MarketPanel, config: LifeConfig, observe: int) -> Coverage:
    """Share of bars with each feature present, by calendar quarter (by day on spans under a year)."""
    engine = FeatureEngine.for_panel(panel, config.features)
    names = panel.schema.names
    returns = panel_returns(panel)
    seen = np.zeros((len(panel), len(names)), dtype=bool)
    for t in range(len(panel)):
        vector = engine.update(
            int(panel.ts[t]),
            float(panel.market[t]),
            float(panel.market_volume[t]),
            returns[t],
            panel.present[t],
        )
        for j, name in enumerate(names):
            seen[t, j] = name in vector.values
    ts, seen = panel.ts[observe:], seen[observe:]
    unit = "M" if ts[-1] - ts[0] > 370 * 86_400 * 10**9 else "D"
    period = ts.astype("datetime64[ns]").astype(f"datetime64[{unit}]").astype(np.int64) // (
        3 if unit == "M" else 1
    )
    starts = np.flatnonzero(np.append(True, period[1:] != period[:-1]))
    counts = np.diff(np.append(starts, len(ts)))
    share = np.add.reduceat(seen.astype(float), starts, axis=0) / counts[:, None]
    return Coverage(names=names, times=ts[starts], share=share)


def key_decisions(
    directory: RunDirectory, ledger: Ledger, panel: MarketPanel, top: int = 10, horizon: int = 21
) -> list[KeyDecision]:
    """The decisions whose change of weights earned or lost most over the next ``horizon`` bars."""
    close = panel.bars["close"][len(panel) - len(ledger) :]
    if len(ledger) < 4:
        return []
    effect = np.zeros(len(ledger))
    for t in range(len(ledger) - 2):
        end = min(len(ledger) - 1, t + 1 + horizon)
        change = ledger.weights[t + 1] - ledger.weights[t]
        effect[t] = float(np.sum(change * np.nan_to_num(close[end] / close[t + 1] - 1.0)))
    chosen = {int(i) for i in np.argsort(-np.abs(effect), kind="stable")[:top]}
    wanted = {int(ledger.step[i]): i for i in chosen}
    chain, found = HashChain(), []
    for payload, record in zip(read_frames(directory.journal), read_records(directory.journal), strict=True):
        chain.append(payload)
        i = wanted.get(record.step)
        if i is not None and record.traded:
            words = tuple(explain(record, panel.symbols, chain.head))
            found.append(KeyDecision(record.step, iso(record.ts_event), float(effect[i]), words))
    return sorted(found, key=lambda d: -abs(d.effect))
