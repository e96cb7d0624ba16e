"""A matrix of lives from request to summary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from janus_trader import __version__
from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.contracts.message import Message
from janus_trader.foundation.config import build
from janus_trader.foundation.environment import environment_fingerprint
from janus_trader.foundation.rng import Rng
from janus_trader.research.ablation.lives import DailySeries, LifeTask, history_of, live
from janus_trader.research.ablation.mechanisms import REGIONS, Variant, mechanism_variants, region_variants
from janus_trader.research.ablation.mechanisms import variant_config as config_of
from janus_trader.research.ablation.statistics import (
    FEWEST_DAYS,
    FIGURES,
    SAMPLES,
    block_length,
    figures_of,
    holm,
    paired_differences,
)
from janus_trader.research.ablation.store import MatrixStore, source_fingerprint
from janus_trader.research.ablation.workers import Stop, Tell, each_result
from janus_trader.runs.history import SELECTION_END, HistoryRequest, day_ns, iso
from janus_trader.runs.settings import LifeConfig
from janus_trader.runs.trials import append_trial, find_trials, read_trials

WHOLE = "whole"
_WARM_BARS = 160
SIGNIFICANT = 0.05


class AblationRequest(Message, frozen=True):
    """Everything that determines a matrix, apart from the configuration of the whole.

    Attributes
    ----------
    regions, mechanisms : tuple of str
        What is taken away (or added), one at a time.
    seeds : int
        Lives of each configuration; their seeds are 0, 1, 2, ...
    history : HistoryRequest
        Its own seed is not used. Of the book that ships, nothing after the selection period is lived
        through unless ``holdout``.
    holdout : bool
        Live on to the end of the data, on the record, and judge the years after the selection period apart.
    record : bool or None
        Count the configurations as trials in ``TRIALS.jsonl``; None: when they are judged on the whole
        selection period of the book that ships.
    """

    regions: tuple[str, ...] = REGIONS
    mechanisms: tuple[str, ...] = ()
    seeds: int = 3
    history: HistoryRequest = HistoryRequest()
    holdout: bool = False
    record: bool | None = None

    @property
    def default_book(self) -> bool:
        """Whether the prices are those that ship, in whatever world."""
        return not self.history.files and not self.history.simulated

    @property
    def full(self) -> bool:
        """Whether it is a judgement on the whole selection period, which counts as so many trials."""
        h = self.history
        whole_span = not h.start and not h.symbols and (not h.end or day_ns(h.end) >= day_ns(SELECTION_END))
        return self.default_book and h.world == "real" and whole_span


@dataclass(frozen=True)
class Plan:
    """What a request comes to: configurations beside the whole, and the lives that it takes."""

    request: AblationRequest
    config: LifeConfig
    variants: tuple[Variant, ...]

    @property
    def lives(self) -> int:
        """Number of lives."""
        return self.request.seeds * (1 + len(self.variants))

    @property
    def recorded(self) -> bool:
        """Whether its configurations are counted as trials."""
        asked = self.request.record
        return self.request.full if asked is None else asked


def plan_matrix(request: AblationRequest, config: LifeConfig) -> Plan:
    """Check a request to the last key, and cut its span.

    Raises
    ------
    ConfigError
        An unknown region, mechanism or configuration key, no seed, or a span that must not be opened.
    """
    if request.seeds < 1:
        raise ConfigError("a matrix needs a seed", got=request.seeds, expected="--seeds 1 or more")
    history = _span(request)
    variants = (*region_variants(request.regions), *mechanism_variants(request.mechanisms, config))
    if not variants:
        raise ConfigError("nothing to take away", expected="--regions or --mechanisms")
    for variant in variants:
        config_of(config, variant)
    cut = msgspec.structs.replace(request, history=msgspec.structs.replace(history, seed=0))
    return Plan(cut, config, variants)


def _span(request: AblationRequest) -> HistoryRequest:
    """The history to live through: of the book that ships, to the end of the selection period."""
    history = request.history
    line = day_ns(SELECTION_END, end=True)
    after = history.end is not None and day_ns(history.end, end=True) > line
    if request.holdout:
        if not request.default_book or history.world != "real":
            raise ConfigError(
                "the holdout is a span of the book that ships, in the real world",
                got=f"--holdout with {history.world}, {len(history.files)} files",
                remedy="leave out --holdout",
            )
        if history.end is not None and not after:
            raise ConfigError(
                "the span ends before the holdout begins",
                got=f"--holdout --to {history.end}",
                expected=f"a day after {SELECTION_END}",
                remedy="leave out --to, or --holdout",
            )
        return history
    if not request.default_book:
        return history
    if after:
        raise ConfigError(
            "the years after the selection period are opened by --holdout alone, on the record",
            got=f"--to {history.end}",
            expected=f"--to {SELECTION_END} or before",
            remedy="leave out --to, or add --holdout",
        )
    return msgspec.structs.replace(history, end=history.end or SELECTION_END)


def run_matrix(
    plan: Plan,
    store: MatrixStore,
    *,
    date: str,
    jobs: int = 2,
    resume: bool = False,
    samples: int = SAMPLES,
    life: Callable[[LifeTask, Tell], DailySeries] = live,
    progress: Callable[[int, int, float], None] | None = None,
    stop: Stop | None = None,
) -> dict[str, Any]:
    """Live every life that is not there yet, keep each, and judge; returns the summary.

    Parameters
    ----------
    plan : Plan
        With ``resume`` that of `resumed_plan`.
    store : MatrixStore
    date : str
        Of the record of trials.
    jobs : int
        Processes.
    life : callable
        What a task is lived by; importable by name.
    progress : callable, optional
        ``progress(lives done, lives in all, share of the whole)``.
    stop : callable, optional

    Raises
    ------
    Stopped
        ``stop()`` became true; the finished lives are kept.
    DataError
        The directory holds something else, or too few days.
    """
    if not resume:
        store.begin(_manifest(plan))
    told = _recorded(plan, store, date)
    tasks, files, fingerprint = _lives(plan, store)
    missing = [i for i, file in enumerate(files) if not file.is_file()]
    done = len(tasks) - len(missing)

    def tell(share: float) -> None:
        if progress is not None:
            lives = sum(file.is_file() for file in files)
            progress(lives, len(tasks), (done + share * len(missing)) / len(tasks))

    todo = [tasks[i] for i in missing]
    warm = _shortened(todo[0], _WARM_BARS) if todo else None
    for number, series in each_result(life, todo, jobs=jobs, progress=tell, stop=stop, first=warm):
        store.write(files[missing[number]], series)
    tell(1.0)
    summary = _summary(plan, [store.read(file) for file in files], samples, fingerprint, told)
    store.finish(summary)
    return summary


def _shortened(task: LifeTask, bars: int) -> LifeTask:
    """The task ended after so many bars: what it compiles, all others find in the cache."""
    return LifeTask(f"warm-up of {task.name}", task.request, task.config, bars)


def _lives(plan: Plan, store: MatrixStore) -> tuple[list[LifeTask], list[Path], str]:
    """Tasks in the order of configuration and seed, where each is kept, and the fingerprint of the data."""
    tasks, files, first = [], [], ""
    for variant in (None, *plan.variants):
        config = config_of(plan.config, variant)
        tree = msgspec.to_builtins(config)
        for seed in range(plan.request.seeds):
            request = msgspec.structs.replace(plan.request.history, seed=seed)
            data = history_of(request).fingerprint
            first = first or data
            name = f"{WHOLE if variant is None else 'without ' + variant.name}, seed {seed}"
            tasks.append(LifeTask(name, request, tree))
            files.append(store.file_of(config.fingerprint, seed, data))
    return tasks, files, first


def _manifest(plan: Plan) -> dict[str, Any]:
    return {
        "version": __version__,
        "request": msgspec.to_builtins(plan.request),
        "config": msgspec.to_builtins(plan.config),
        "config_fingerprint": plan.config.fingerprint,
        "variants": [v.name for v in plan.variants],
        "environment_fingerprint": environment_fingerprint(),
        "source_fingerprint": source_fingerprint(),
    }


def resumed_plan(store: MatrixStore) -> Plan:
    """The plan of the matrix in a directory."""
    manifest = store.read_manifest()
    request = msgspec.convert(manifest["request"], AblationRequest)
    return plan_matrix(request, build(LifeConfig, [manifest["config"]]))


# ---------------------------------------------------------------------- the record


def _recorded(plan: Plan, store: MatrixStore, date: str) -> dict[str, Any]:
    """Put the matrix on the record before its first life, once, as a resumed one is no new trial.

    An opening of the holdout is always recorded; a judgement of the selection period when `Plan.recorded`.
    The line is kept beside the matrix, and in the common record where there is one.
    """
    earlier = read_trials(store.record if store.record.exists() else None)
    if earlier:
        return earlier[-1]
    if not plan.recorded and not plan.request.holdout:
        return {}
    names = [v.name for v in plan.variants]
    trial: dict[str, Any] = {
        "at": date,
        "kind": "holdout" if plan.request.holdout else "ablation",
        "span": _span_text(plan),
        "config_fingerprint": plan.config.fingerprint,
        "trials": 1 + len(names),
        "seeds": plan.request.seeds,
        "sharpe": None,
        "note": f"ablation of {', '.join(names)}; counted as it began"
        + (
            "; opened to judge what each contributes, no default depends on it"
            if plan.request.holdout
            else ""
        ),
    }
    path = find_trials()
    if path is not None:
        append_trial(path, trial)
    append_trial(store.record, trial)
    return trial


def _span_text(plan: Plan) -> str:
    h = plan.request.history
    return f"{h.start or 'first'}..{h.end or 'last'}"


# ---------------------------------------------------------------------- the judgement


def _summary(
    plan: Plan, lives: list[DailySeries], samples: int, fingerprint: str, trial: dict[str, Any]
) -> dict[str, Any]:
    seeds = plan.request.seeds
    line = day_ns(SELECTION_END, end=True)
    name = "selection" if plan.request.default_book else "all days"
    masks = {name: np.ones(len(lives[0]), np.bool_)}
    if plan.request.holdout:
        after = lives[0].ts > line
        masks = {"selection": ~after, "held out": after}
    by_variant = [lives[i * seeds : (i + 1) * seeds] for i in range(1 + len(plan.variants))]
    return {
        "version": __version__,
        "seeds": seeds,
        "samples": samples,
        "instruments": list(history_of(plan.request.history).panel.symbols),
        "world": plan.request.history.world,
        "config_fingerprint": plan.config.fingerprint,
        "data_fingerprint": fingerprint,
        "source_fingerprint": source_fingerprint(),
        "recorded": trial or None,
        "parts": {name: _part(plan, by_variant, mask, samples) for name, mask in masks.items()},
    }


def _part(
    plan: Plan, by_variant: list[list[DailySeries]], mask: np.ndarray, samples: int
) -> dict[str, Any] | None:
    """The judgement over some of the days; None where there are too few."""
    if int(mask.sum()) < FEWEST_DAYS:
        if not plan.request.holdout:
            raise DataError(
                "too little history to judge by",
                got=f"{int(mask.sum())} days",
                expected=f"{FEWEST_DAYS} or more",
                remedy="a longer span",
            )
        return None
    whole, *others = [[s.taken(mask) for s in lives] for lives in by_variant]
    rows = []
    for variant, lives in zip(plan.variants, others, strict=True):
        generator = Rng(0).child("research.ablation").child(variant.name).generator()
        pair = (lives, whole) if variant.adds else (whole, lives)
        found = paired_differences(*pair, generator, cash_rate=plan.config.account.cash_rate, samples=samples)
        rows.append(
            {
                "name": variant.name,
                "kind": variant.kind,
                "adds": variant.adds,
                "meaning": variant.meaning,
                "settings": list(variant.settings),
                "block_days": round(block_length(*pair), 2),
                "figures": {name: found[name].to_dict() for name in FIGURES},
            }
        )
    _correct(rows)
    return {
        "start": iso(int(whole[0].ts[0])),
        "end": iso(int(whole[0].ts[-1])),
        "days": int(mask.sum()),
        "whole": _means(whole, plan),
        "variants": rows,
    }


def _means(lives: list[DailySeries], plan: Plan) -> dict[str, float]:
    figures = np.mean([figures_of(s, plan.config.account.cash_rate) for s in lives], axis=0)
    return dict(zip(FIGURES, figures.tolist(), strict=True))


def _correct(rows: list[dict[str, Any]]) -> None:
    """Holm's correction of each figure over the regions, and over the mechanisms; then the verdicts."""
    for kind in ("region", "mechanism"):
        family = [row for row in rows if row["kind"] == kind]
        for name in FIGURES:
            for row, p in zip(family, holm([r["figures"][name]["p"] for r in family]), strict=True):
                row["figures"][name]["p_holm"] = p
    for row in rows:
        row["verdict"] = verdict(row["figures"]["sharpe"])


def verdict(cell: dict[str, float]) -> str:
    """``helps``, ``hurts``, or ``no difference`` that chance could not explain, by the corrected probability.

    >>> verdict({"gained": 0.2, "p_holm": 0.01}), verdict({"gained": 0.2, "p_holm": 0.3})
    ('helps', 'no difference')
    """
    if cell["p_holm"] >= SIGNIFICANT:
        return "no difference"
    return "helps" if cell["gained"] > 0.0 else "hurts"
