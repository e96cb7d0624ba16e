"""No decoration: every region and every learner changes decisions on real data."""

import numpy as np
import pytest

from janus_trader.brain.integration.brain import REGIONS
from janus_trader.foundation.codec import encode
from support.lives import history, live

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
def whole(tmp_path_factory):
    return live(tmp_path_factory.mktemp("whole") / "run", history(**SPAN))


def weights(records):
    return np.array([r.decision.weights for r in records])


@pytest.mark.parametrize("region", REGIONS)
def test_without_a_region_decisions_differ(region, whole, tmp_path):
    lesioned = live(tmp_path / "run", history(**SPAN), f'brain.neutral=["{region}"]')
    field = SHOWS_IN[region]
    differs = [
        encode(getattr(a.decision, field)) != encode(getattr(b.decision, field))
        for a, b in zip(whole, lesioned, strict=True)
    ]
    assert any(differs), f"{region} never showed in {field}"
    assert not np.array_equal(weights(whole), weights(lesioned)), f"{region} never changed a target weight"


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


@pytest.mark.parametrize("learner", [name for name in LEARNERS if name not in (*SLOW_LEARNERS, *ELSEWHERE)])
def test_what_a_learner_learned_changes_decisions(learner, whole, tmp_path):
    frozen = live(tmp_path / "run", history(**SPAN), f'brain.frozen_learners=["{learner}"]')
    assert not np.array_equal(weights(whole), weights(frozen)), f"{learner} never changed a target weight"


def test_learned_fear_and_patterns_of_loss_change_decisions(tmp_path):
    learned = live(tmp_path / "learned", history(**LONGER))
    for learner in SLOW_LEARNERS:
        frozen = live(tmp_path / learner, history(**LONGER), f'brain.frozen_learners=["{learner}"]')
        assert not np.array_equal(weights(learned), weights(frozen)), (
            f"{learner} never changed a target weight"
        )


def test_nights_accept_and_reject_candidates(tmp_path):
    live(tmp_path / "run", history(**SPAN))
    from janus_trader.runs.ledger import read_nights

    nights = read_nights(tmp_path / "run" / "nights.bin")
    candidates = [c for night in nights for c in night.candidates]
    assert {c.learner for c in candidates} >= set(LEARNERS) - set(ELSEWHERE)
    assert any(c.accepted for c in candidates)
    assert any(not c.accepted for c in candidates)
    assert any(night.deep for night in nights)
    assert sum(night.deep for night in nights) < len(nights) / 10
