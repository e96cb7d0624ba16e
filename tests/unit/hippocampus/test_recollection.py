import numpy as np
import pytest

from janus_trader.brain.hippocampus import Hippocampus, HippocampusConfig, RecollectionConfig
from janus_trader.brain.hippocampus.market_state import CENTRE, SPREAD, state_of, states_of
from janus_trader.brain.hippocampus.recollection import effective_size, outlooks, shrunk
from janus_trader.contracts.decision import Recollection
from janus_trader.contracts.errors import ConfigError
from janus_trader.foundation.codec import decode, encode
from janus_trader.stores.vectors import ExactVectorStore
from support.memories import D, K, N, decision_at, live, moment_at


def outlook_of(payoff, weights, steps, edge=0.2, doubt=4.0, decorrelation=10.0, now=None, then=None):
    payoff = np.asarray(payoff, np.float32)
    m, n = payoff.shape
    now = np.empty((0, SPREAD.size + 1)) if now is None else now
    then = np.zeros((m, n, SPREAD.size + 1)) if then is None else then
    out = np.empty(n)
    share = outlooks(
        payoff,
        np.arange(m),
        np.asarray(weights, float),
        np.asarray(steps),
        now,
        then,
        SPREAD,
        1.0,
        decorrelation,
        edge,
        0.2,
        doubt,
        out,
    )
    return out, share


def test_effective_size_is_the_variance_of_a_mean_of_correlated_numbers():
    rng = np.random.default_rng(0)
    weights, steps = rng.uniform(0.1, 1.0, 12), np.sort(rng.choice(60, 12, replace=False))
    overlap = np.maximum(0.0, 1.0 - np.abs(steps[:, None] - steps) / 10.0)
    share = weights / weights.sum()
    assert effective_size(weights, steps, 10.0) == pytest.approx(1.0 / (share @ overlap @ share))
    assert effective_size(np.ones(9), np.arange(9) * 50, 10.0) == 9.0
    assert effective_size(np.ones(5), np.zeros(5, np.int64), 10.0) == 1.0  # one day five times is one day
    assert effective_size(np.empty(0), np.empty(0, np.int64), 10.0) == 0.0


def test_shrinkage_is_the_normal_posterior():
    mean, variance, n, edge = 0.7, 1.3, 9.0, 0.3
    expected, share = shrunk(mean, variance, n, edge, 0.0)
    posterior = (n * mean / variance) / (n / variance + 1.0 / edge**2)  # prior N(0, edge²), known variance
    assert expected == pytest.approx(posterior)
    assert share == pytest.approx(posterior / mean)
    assert shrunk(1.0, 0.0, 0.0, edge, 4.0) == (0.0, 0.0)


def test_outlook_agrees_with_its_definition():
    rng = np.random.default_rng(1)
    payoff, weights, steps = rng.standard_normal((20, 3)), rng.uniform(0.1, 1, 20), np.arange(20) * 7
    out, share = outlook_of(payoff, weights, steps)
    size = effective_size(weights, steps, 10.0)
    mean = np.average(payoff, axis=0, weights=weights)
    variance = np.average((payoff - mean) ** 2, axis=0, weights=weights)
    spread = (4.0 + size * variance) / (4.0 + size)
    kappa = size * 0.04 / (size * 0.04 + spread)
    np.testing.assert_allclose(out, np.tanh(kappa * mean / 0.2), rtol=1e-6)
    assert share == pytest.approx(kappa.mean())


def test_few_memories_and_discordant_ones_say_less():
    one, _ = outlook_of([[1.0]], [1.0], [0])
    many, _ = outlook_of(np.ones((20, 1)), np.ones(20), np.arange(20) * 50)
    together, _ = outlook_of(np.ones((20, 1)), np.ones(20), np.arange(20))
    discord, _ = outlook_of(np.tile([[4.0], [-2.0]], (10, 1)), np.ones(20), np.arange(20) * 50)
    assert 0.0 < one[0] < together[0] < many[0] < 1.0
    assert 0.0 < discord[0] < many[0]


def test_a_day_counts_for_an_instrument_as_far_as_it_looked_the_same():
    """Same days for both instruments; each is told by the days on which it looked as it looks now."""
    f = SPREAD.size
    then = np.zeros((20, 2, f + 1))
    then[..., f] = 1.0
    then[:10, :, 0], then[10:, :, 0] = 2.0, -2.0
    payoff = np.repeat([[1.0, 1.0], [-1.0, -1.0]], 10, axis=0)
    now = np.zeros((2, f + 1))
    now[:, f] = 1.0
    now[0, 0], now[1, 0] = 2.0, -2.0
    out, _ = outlook_of(payoff, np.ones(20), np.arange(20) * 50, now=now, then=then)
    assert out[0] > 0.05
    assert out[1] == pytest.approx(-out[0])
    blind, _ = outlook_of(payoff, np.ones(20), np.arange(20) * 50, now=np.zeros((2, f + 1)), then=then)
    np.testing.assert_allclose(blind, 0.0, atol=1e-12)  # an instrument that is not known asks every day


def test_the_state_is_the_context_and_the_bounded_mean_of_the_features():
    rng = np.random.default_rng(2)
    context, features = rng.uniform(-1, 1, 5), rng.standard_normal((4, SPREAD.size + 1))
    features[:, -1] = [1, 0, 1, 1]
    features[2, 3] = np.nan
    state = state_of(context, features)
    known = np.where(features[:, -1:] > 0, features[:, :-1], np.nan)
    np.testing.assert_allclose(state[:5], context)
    np.testing.assert_allclose(state[5:], np.tanh((np.nanmean(known, axis=0) - CENTRE) / SPREAD), rtol=1e-5)
    assert not state_of(context, None)[5:].any()
    assert not state_of(context, np.empty(0))[5:].any()


def crowd(n=N, k=K, steps=400, store=None, **settings):
    """A memory of two kinds of market: after the first every instrument gains, after the second it loses."""
    config = HippocampusConfig(**settings)
    memory, rng = Hippocampus(config, n, k, store), np.random.default_rng(5)
    kinds = rng.uniform(-1, 1, (2, D))
    price = np.full(n, 100.0)
    for t in range(steps):
        decision = decision_at(t, rng, n, k)
        kind = (t // 10) % 2
        decision.percept.context[:] = np.clip(kinds[kind] + 0.15 * rng.standard_normal(D), -1, 1)
        memory.observe(decision, moment_at(t, price), False, np.full(n, 0.01))
        before = (t - 1) // 10 % 2  # of the decision whose payoff the coming bar decides
        price = price * (1.0 + 0.01 * (1.0 if before == 0 else -1.0) + 0.004 * rng.standard_normal(n))
    return memory, kinds


def test_days_like_this_and_how_they_ended():
    memory, (up, down) = crowd()
    for context, sign in ((up, 1.0), (down, -1.0)):
        seen = memory.recollect(context)
        assert (np.sign(seen.outlook) == sign).all()
        assert np.abs(seen.outlook).min() > 0.3
        assert 0.1 < seen.confidence <= 1.0
        assert (np.diff(seen.similarity) <= 0).all()
        assert (np.diff(np.sort(seen.steps)) >= 5).all()  # no two days of one stretch
        assert set((seen.steps // 10) % 2) == {0 if sign > 0 else 1}
        assert seen.steps.size <= memory.config.recollection.memories
        assert encode(decode(encode(seen), Recollection)) == encode(seen)


def test_a_market_never_seen_is_like_no_day():
    memory, (up, _) = crowd()
    rng = np.random.default_rng(11)
    strange = min(
        (rng.uniform(-1, 1, D) for _ in range(200)),
        key=lambda c: memory.recollect(c).similarity.max(initial=0),
    )
    seen, known = memory.recollect(strange), memory.recollect(up)
    assert seen.confidence < 0.5 * known.confidence
    assert seen.steps.size < known.steps.size


def test_nothing_whose_outcome_is_not_known_is_recollected():
    memory = Hippocampus(HippocampusConfig(), N, K)
    everything = RecollectionConfig(floor=0.0, apart=1, memories=512)
    memory = Hippocampus(HippocampusConfig(recollection=everything), N, K)
    rng = np.random.default_rng(0)
    for t in range(60):
        decision = decision_at(t, rng)
        memory.observe(decision, moment_at(t, 100 + rng.random(N)), True, np.full(N, 0.01))
        seen = memory.recollect(decision.percept.context)
        assert seen.steps.max(initial=-2) <= t - 2  # known at t: the decision of t - 2
        assert seen.steps.size == 0 or t - 2 in memory.recent(1).step


@pytest.mark.parametrize(("capacity", "apart"), [(2048, 1), (64, 1), (2048, 5)])
def test_a_vector_store_recollects_the_same_bytes(capacity, apart):
    settings = {"capacity": capacity, "recollection": RecollectionConfig(apart=apart, memories=16)}
    store = ExactVectorStore(128)
    plain, (up, down) = crowd(steps=200, **settings)
    asked, _ = crowd(steps=200, search="store", store=store, **settings)
    assert len(store) == min(capacity, 198)  # upserted when complete, deleted when forgotten
    for context in (up, down, 0.5 * (up + down)):
        assert encode(plain.recollect(context)) == encode(asked.recollect(context))


def test_a_store_is_asked_for_more_where_one_long_stretch_fills_its_answer():
    class Counting(ExactVectorStore):
        asked: tuple[int, ...] = ()

        def search(self, vector, k, filters=None):
            self.asked += (k,)
            return super().search(vector, k, filters)

    def drifting(memory, steps=400):
        path, step = np.random.default_rng(1).uniform(-1, 1, (2, D)), np.random.default_rng(2)
        for t in range(steps):
            decision = decision_at(t, step)
            decision.percept.context[:] = np.tanh(path[0] + 0.01 * t * path[1])
            memory.observe(decision, moment_at(t, np.full(N, 100.0)), False, np.full(N, 0.01))
        return memory, path[0]

    few = RecollectionConfig(memories=4, apart=2, floor=0.5)
    store = Counting(128)
    plain, context = drifting(Hippocampus(HippocampusConfig(recollection=few), N, K))
    asked, _ = drifting(Hippocampus(HippocampusConfig(recollection=few, search="store"), N, K, store))
    assert encode(plain.recollect(context)) == encode(asked.recollect(context))
    assert len(store.asked) > 1
    assert store.asked[:2] == (12, 24)


def test_a_store_that_knows_more_than_the_memory_shows_no_future():
    """A run resumed from an earlier night finds a store that has lived on."""
    store = ExactVectorStore(128)
    asked, (up, _) = crowd(steps=100, search="store", store=store)
    raw = asked.snapshot()
    live(asked, None, 40, 100)
    again = Hippocampus(asked.config, N, K, store)
    again.restore(raw)
    assert again.recollect(up).steps.max() < 100


def test_place_search_finds_what_the_full_search_finds():
    plain, (up, down) = crowd(steps=1000)
    placed, _ = crowd(steps=1000, search="place")
    for context in (up, down):
        a, b = plain.recollect(context), placed.recollect(context)
        assert len(set(a.steps) & set(b.steps)) >= 0.5 * a.steps.size
        assert b.similarity.mean() > 0.97 * a.similarity.mean()
        np.testing.assert_allclose(a.outlook, b.outlook, atol=0.15)


def test_a_store_must_be_given_where_one_is_asked_for():
    with pytest.raises(ConfigError, match="store"):
        Hippocampus(HippocampusConfig(search="store"), N, K)


def test_recollection_survives_a_snapshot_bit_for_bit():
    memory, (up, _) = crowd()
    fresh = Hippocampus(memory.config, N, K)
    fresh.restore(memory.snapshot())
    assert encode(fresh.recollect(up)) == encode(memory.recollect(up))


def test_states_of_records_are_the_states_one_by_one():
    memory, _ = crowd(steps=50)
    records = memory._ring.records[: len(memory)]
    np.testing.assert_array_equal(
        states_of(records), np.stack([state_of(r["context"], r["features"]) for r in records])
    )
