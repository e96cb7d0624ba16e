"""Forgetting: its definition in closed form, and the product's own nights over two small regimes."""

import msgspec
import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.contracts.regime import Regime
from janus_trader.foundation.rng import Rng
from janus_trader.research.forgetting import ForgettingRequest, forgetting_study, page, study
from janus_trader.research.forgetting.protocol import SeedTask, Sleeper, record, regime_history
from janus_trader.research.forgetting.study import summed_up
from janus_trader.runs.settings import LifeConfig

NAMES = ("bull", "bear")
REQUEST = ForgettingRequest(seeds=3, regimes=NAMES)


def silent(share):
    pass


def planted_seed(number, learned, lost_with, lost_without):
    """Scores of one learner: taught by A it gains ``learned``, and loses so much by B."""
    rows = []
    for a in NAMES:
        b = next(name for name in NAMES if name != a)
        taught = 0.1 + learned
        rows.append(
            {
                "name": a,
                "untaught": {"opal": 0.1, "idle": 0.0},
                "taught": {"opal": taught, "idle": 0.0},
                "pairs": {
                    b: {
                        "new_before": {"opal": 0.0, "idle": 0.0},
                        "with": {"opal": taught - lost_with, "idle": 0.0},
                        "without": {"opal": taught - lost_without, "idle": 0.0},
                        "new_with": {"opal": 0.02, "idle": 0.0},
                        "new_without": {"opal": 0.03, "idle": 0.0},
                    }
                },
            }
        )
    return {"seed": number, "adopted": ["opal"], "rows": rows}


def planted_study():
    learned = (0.01, 0.02, 0.03)
    return summed_up(REQUEST, [planted_seed(i, x, 0.005, 0.02) for i, x in enumerate(learned)])


def test_the_unit_is_the_deviation_over_seeds_of_what_was_learned():
    told = planted_study()["learners"]["opal"]
    assert told["unit"] == pytest.approx(0.01)
    assert told["learned"]["value"] == pytest.approx(0.02)
    assert told["with"]["forgetting"]["value"] == pytest.approx(0.5)
    assert told["without"]["forgetting"]["value"] == pytest.approx(2.0)
    assert told["with"]["backward_transfer"]["value"] == pytest.approx(-0.005)
    assert told["saved_by_replay"]["low"] == pytest.approx(1.5)
    assert told["without"]["new_learned"]["value"] == pytest.approx(0.03)
    pairs = told["without"]["pairs"]
    assert pairs[0][0] is None
    assert pairs[0][1]["value"] == pytest.approx(2.0)


def test_a_learner_that_never_adopted_anything_has_nothing_to_forget():
    assert set(planted_study()["learners"]) == {"opal"}


def test_tables_and_words():
    told = planted_study()
    assert "replay saves some of it" in " ".join(page.in_words(told))
    assert page.pair_rows(told, "opal", "with") == [["bull", "–", "+0.50"], ["bear", "+0.50", "–"]]
    assert page.markdown(told).count("### opal") == 2
    assert "Heatmap" in page.page(told) or "heatmap" in page.page(told)


@pytest.mark.parametrize(("seeds", "least"), [(2, 0.87), (3, 0.92), (6, 0.92)])
def test_intervals_over_few_seeds_cover(seeds, least):
    rng = np.random.default_rng(0)
    cells = [study.interval(rng.normal(size=seeds), rng) for _ in range(400)]
    assert least <= np.mean([c["low"] <= 0.0 <= c["high"] for c in cells]) <= 0.99


@pytest.mark.parametrize(
    "request_",
    [
        ForgettingRequest(seeds=1),
        ForgettingRequest(regimes=("bull",)),
        ForgettingRequest(regimes=("bull", "boom")),
        ForgettingRequest(days=10),
        ForgettingRequest(every=0),
    ],
)
def test_a_study_that_cannot_be_judged_is_refused(request_):
    with pytest.raises(ConfigError):
        forgetting_study(request_)


def test_a_directory_of_something_else_is_refused(tmp_path):
    (tmp_path / "x.txt").write_text("")
    with pytest.raises(DataError):
        forgetting_study(REQUEST, out=tmp_path)


def test_finished_seeds_are_kept_and_more_can_be_added(tmp_path, monkeypatch):
    lived = []

    def planted(task, tell):
        lived.append(task.seed)
        return planted_seed(task.seed, 0.01 * (1 + task.seed), 0.005, 0.02)

    monkeypatch.setattr(study, "live_seed", planted)
    monkeypatch.setattr(study, "source_fingerprint", lambda: "0" * 64)
    two = msgspec.structs.replace(REQUEST, seeds=2)
    first = forgetting_study(two, out=tmp_path, jobs=1)
    three = forgetting_study(REQUEST, out=tmp_path, jobs=1)
    assert lived == [0, 1, 2]
    assert first["learners"]["opal"]["learned"]["value"] == pytest.approx(0.015)
    assert three["learners"] == forgetting_study(REQUEST, jobs=1)["learners"]


# ---------------------------------------------------------------------- the product's own nights


TASK = SeedTask(
    seed=0,
    regimes=(int(Regime.BULL), int(Regime.CRISIS)),
    config=msgspec.to_builtins(LifeConfig()),
    days=84,
    held_out=30,
    warm=60,
    every=14,
    instruments=2,
)


@pytest.fixture(scope="module")
def recordings():
    return {Regime(r): record(Regime(r), TASK, silent) for r in TASK.regimes}


def test_a_regimes_market_is_that_regime_all_the_time():
    history = regime_history(Regime.CRISIS, TASK)
    assert [span.regime for span in history.phases] == [Regime.CRISIS]
    assert history.observe == TASK.warm


def test_recorded_days_and_held_out_episodes_do_not_meet(recordings):
    recording = recordings[Regime.BULL]
    assert len(recording.days) == TASK.days
    assert len(recording.held_out) == TASK.held_out
    last = recording.days[-1].moment
    assert recording.held_out.step.min() > last.step + 1
    assert np.abs(recording.held_out.signals).sum() > 0.0


def test_nights_in_a_regime_learn_and_the_way_back_is_exact(recordings):
    sleeper = Sleeper(TASK, regime_history(Regime.BULL, TASK))
    held = recordings[Regime.BULL].held_out
    before = sleeper.scores(held)
    assert sleeper.live(recordings[Regime.BULL], Rng(1), silent)
    taught, state = sleeper.scores(held), sleeper.state()
    assert taught != before
    assert len(sleeper.brain.hippocampus) == TASK.days - 1
    sleeper.live(recordings[Regime.CRISIS], Rng(2), silent)
    with_replay = sleeper.scores(held)
    assert len(sleeper.brain.hippocampus) == 2 * (TASK.days - 1)
    sleeper.go_back(state)
    assert sleeper.scores(held) == taught
    sleeper.forget_days()
    sleeper.live(recordings[Regime.CRISIS], Rng(2), silent)
    assert len(sleeper.brain.hippocampus) == TASK.days - 1
    assert sleeper.scores(held) != with_replay
    sleeper.go_back(state)
    sleeper.live(recordings[Regime.CRISIS], Rng(2), silent)
    assert sleeper.scores(held) == with_replay
    sleeper.go_back()
    assert sleeper.scores(held) == before
