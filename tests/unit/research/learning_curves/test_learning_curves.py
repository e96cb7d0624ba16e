"""Learning curves: who is biased and who is not, and intervals that cover."""

from dataclasses import dataclass

import numpy as np
import pytest

from janus_trader.contracts.memory import CandidateReport, SleepPhase, SleepReport
from janus_trader.foundation.codec import encode
from janus_trader.research.learning_curves import curves, curves_of, mean_change, nights_study, page
from janus_trader.stores.frames import FrameWriter
from janus_trader.stores.run_directory import RunDirectory


@dataclass
class Point:
    learner: str
    night: int
    before: float
    after: float
    episodes: int = 21


class Told:
    """A sleep report with scores on later days beside it."""

    def __init__(self, report, points):
        self._report, self.curves = report, tuple(points)

    def __getattr__(self, name):
        return getattr(self._report, name)


def night(number, *candidates):
    return SleepReport(
        night=number,
        ts_event=number,
        deep=False,
        episodes=21,
        replayed=64,
        phases=(SleepPhase.AWAKE, SleepPhase.TRANSITION),
        candidates=tuple(
            CandidateReport(learner=name, incumbent=a, candidate=b, accepted=ok, reason="")
            for name, a, b, ok in candidates
        ),
        ripples={},
        parameters_before="",
        parameters_after="",
    )


def test_a_refused_candidate_changes_nothing():
    (curve,) = curves_of([night(0, ("opal", 1.0, 3.0, True)), night(1, ("opal", 2.0, 0.0, False))])
    assert curve.held_back
    assert curve.change.tolist() == [2.0, 0.0]
    assert curve.adopted.tolist() == [True, False]


def test_scores_on_later_days_are_a_curve_of_their_own():
    first = Told(night(0, ("opal", 1.0, 1.5, True)), [])
    later = Told(night(30), [Point("opal", 0, 0.7, 0.6)])
    held, unbiased = curves_of([first, later])
    assert (held.held_back, unbiased.held_back) == (True, False)
    assert unbiased.night.tolist() == [0]
    assert unbiased.change[0] == pytest.approx(-0.1)


def test_selection_biases_the_held_back_view_and_not_the_later_one():
    """Candidates that are no better: adopted where chance favoured them, they look better there and only there."""
    rng = np.random.default_rng(0)
    reports = []
    for k in range(400):
        seen, later = rng.normal(0.0, 1.0, 2)
        points = [Point("opal", k, 0.0, float(later) if seen >= 0.0 else 0.0)]
        reports.append(Told(night(k, ("opal", 0.0, float(seen), bool(seen >= 0.0))), points))
    held, later = curves_of(reports)
    biased = mean_change(held.change, np.random.default_rng(1))
    honest = mean_change(later.change, np.random.default_rng(1))
    assert biased["low"] > 0.3
    assert honest["low"] < 0.0 < honest["high"]


def test_intervals_over_nights_that_overlap_cover():
    hits = 0
    for trial in range(120):
        rng = np.random.default_rng(trial)
        change = np.convolve(rng.normal(0.0, 1.0, 320), np.ones(10) / 10.0, mode="valid") + 0.2
        cell = mean_change(change, np.random.default_rng(trial + 999))
        hits += cell["low"] <= 0.2 <= cell["high"]
    assert hits / 120 >= 0.86


def test_few_nights_have_no_interval():
    cell = mean_change(np.array([1.0, 3.0]), np.random.default_rng(0))
    assert cell == {"value": 2.0, "low": None, "high": None}


def test_the_mean_so_far_ends_with_the_mean():
    change = np.random.default_rng(0).normal(size=100)
    told = curves.cumulative_means(change, np.random.default_rng(1), points=5)
    assert told["nights"][-1] == 100
    assert told["value"][-1] == pytest.approx(change.mean())


def run_directory(path, reports):
    directory = RunDirectory(path).create()
    directory.write_json(directory.manifest, {"config_fingerprint": "0" * 64})
    writer = FrameWriter(directory.nights, 0)
    for report in reports:
        writer.append(encode(report))
    writer.close()
    return path


def test_a_run_is_read_and_pictured(tmp_path):
    reports = [night(k, ("opal", 0.0, 0.1 * (k % 3), True), ("fear", 0.0, 0.0, False)) for k in range(30)]
    told = nights_study(str(run_directory(tmp_path / "r", reports)))
    assert [c["learner"] for c in told["curves"]] == ["opal", "fear"]
    assert told["curves"][0]["change"]["value"] == pytest.approx(0.1)
    assert "there is no unbiased view" in " ".join(page.in_words(told))
    assert len(page.rows(told)) == 2
    assert "Scatter" in page.page(told) or "scatter" in page.page(told)


def test_a_run_that_learned_nothing_is_told(tmp_path):
    from janus_trader.contracts.errors import DataError

    with pytest.raises(DataError, match="no night"):
        nights_study(str(run_directory(tmp_path / "r", [night(0)])))
