"""No decoration: every region and every learner changes decisions on real data."""

import numpy as np
import pytest

from janus_trader.brain.integration.brain import REGIONS
from janus_trader.foundation.codec import encode
from janus_trader.runs.ledger import read_nights
from support.lives import history, live, live_until

#: A span with a crash in it, so that regions that only speak in trouble have something to say.
SPAN = {"start": "2008-06-02", "end": "2009-03-31"}

#: The field of the decision in which each region must show.
SHOWS_IN = {
    "visual_cortex": "percept",
    "cortex": "regime",
    "hippocampus": "parameters",
    "thalamus": "percept",
    "hypothalamus": "appetite",
    "basal_ganglia": "action",
    "prefrontal": "verdict",
    "amygdala": "threat",
    "cerebellum": "forecast",
    "integration": "parameters",
}


@pytest.fixture(scope="module")
def where(tmp_path_factory):
    return tmp_path_factory.mktemp("whole") / "run"


@pytest.fixture(scope="module")
def whole(where):
    return live(where, history(**SPAN))


def differs(record, records, field):
    """Whether a part of a decision is another than that of the whole life at the same bar."""
    return encode(getattr(record.decision, field)) != encode(getattr(records[record.step].decision, field))


def weighs_otherwise(record, records):
    return not np.array_equal(record.decision.weights, records[record.step].decision.weights)


@pytest.mark.parametrize("region", REGIONS)
def test_without_a_region_decisions_differ(region, whole, tmp_path):
    field, seen = SHOWS_IN[region], {"field": False, "weights": False}

    def both(record):
        seen["field"] |= differs(record, whole, field)
        seen["weights"] |= weighs_otherwise(record, whole)
        return all(seen.values())

    live_until(both, tmp_path / "run", history(**SPAN), f'brain.neutral=["{region}"]')
    assert seen["field"], f"{region} never showed in {field}"
    assert seen["weights"], f"{region} never changed a target weight"


LEARNERS = (
    "hmm",
    "schemas",
    "relevance",
    "opal",
    "affinity",
    "no_go_patterns",
    "policy_trust",
    "actor_critic",
    "fear",
    "threat_thresholds",
    "impact",
    "fill_probability",
)


def test_the_list_of_learners_is_complete(tmp_path):
    from support.lives import make_life

    life = make_life(tmp_path / "run", history(**SPAN))
    assert tuple(x.name for x in life.brain.learners()) == LEARNERS
    life.venue.close()


#: Fear and patterns of loss need more losses than one crash brings before they forbid anything.
SLOW_LEARNERS = ("fear", "no_go_patterns")
#: Thresholds of threat need more bars than the span has; nothing on daily bars rests in a queue of orders.
ELSEWHERE = ("threat_thresholds", "fill_probability")
LONGER = {"start": "2008-01-02", "end": "2009-06-30"}


def learning_shows(learner, records, past, directory):
    """Whether a life in which one learner keeps its first parameters ever weighs otherwise."""
    frozen = f'brain.frozen_learners=["{learner}"]'
    return live_until(lambda r: weighs_otherwise(r, records), directory, past, frozen)


@pytest.mark.parametrize("learner", [name for name in LEARNERS if name not in (*SLOW_LEARNERS, *ELSEWHERE)])
def test_what_a_learner_learned_changes_decisions(learner, whole, tmp_path):
    assert learning_shows(learner, whole, history(**SPAN), tmp_path / "run"), (
        f"{learner} never changed a target weight"
    )


def test_learned_fear_and_patterns_of_loss_change_decisions(tmp_path):
    past = history(**LONGER)
    learned = live(tmp_path / "learned", past)
    for learner in SLOW_LEARNERS:
        shown = learning_shows(learner, learned, past, tmp_path / learner)
        assert shown, f"{learner} never changed a target weight"


def test_nights_accept_and_reject_candidates(whole, where):
    nights = read_nights(where / "nights.bin")
    candidates = [c for night in nights for c in night.candidates]
    assert {c.learner for c in candidates} >= set(LEARNERS) - set(ELSEWHERE)
    assert any(c.accepted for c in candidates)
    assert any(not c.accepted for c in candidates)
    assert any(night.deep for night in nights)
    assert sum(night.deep for night in nights) < len(nights) / 10
