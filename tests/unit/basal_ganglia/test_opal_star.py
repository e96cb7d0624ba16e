"""OpAL and OpAL* on the published bandits: the pathways specialise, dopamine and rates tip the balance."""

import numpy as np
import pytest

from janus_trader.brain.basal_ganglia.opal_star import BanditOpal, OpalStarConfig

RICH, LEAN = (0.8, 0.7), (0.3, 0.2)


def interval(values):
    values = np.asarray(values, float)
    half = 1.96 * values.std(ddof=1) / np.sqrt(len(values))
    return values.mean() - half, values.mean() + half


def trained(config, probabilities, trials, seed, *, free=True):
    """Agent and share of best choices; ``free``: it chooses, else every arm is tried in turn."""
    rng, agent, best = np.random.default_rng(seed), BanditOpal(len(probabilities), config), 0
    for t in range(trials):
        arm = agent.choose(rng) if free else t % len(probabilities)
        agent.learn(arm, won=bool(rng.random() < probabilities[arm]))
        best += arm == 0
    return agent, best / trials


def test_first_steps_are_those_of_the_published_rule():
    agent = BanditOpal(2, OpalStarConfig(dynamic=False, alpha_actor=0.2, alpha_critic=0.1))
    agent.learn(1, won=True)  # δ = 1 − ½
    assert (agent.g[1], agent.n[1], agent.v) == pytest.approx((1.1, 0.9, 0.55))
    agent.learn(1, won=False)  # δ = 0 − 0.55, from the old V
    assert (agent.g[1], agent.n[1]) == pytest.approx((1.1 * (1 - 0.11), 0.9 * (1 + 0.11)))
    assert agent.v == pytest.approx(0.495)
    assert (agent.g[0], agent.n[0]) == (1.0, 1.0)


def test_star_anneals_its_rates_by_the_critics_uncertainty():
    c = OpalStarConfig(alpha_actor=0.3, annealing=50.0)
    agent = BanditOpal(2, c)
    agent.learn(0, won=True)  # Beta(1, 1): variance 1/12
    assert agent.g[0] == pytest.approx(1 + 0.3 / (1 + 12 / 50) * 0.5)
    late = BanditOpal(2, c)
    late.wins = late.losses = 200.0
    late.learn(0, won=True)
    assert 1.0 < late.g[0] < 1.02


def test_star_normalises_the_error_by_the_span_of_rewards():
    one, ten = (BanditOpal(2, OpalStarConfig(reward=r, loss=-r)) for r in (1.0, 10.0))
    for won in (True, True, False, True):
        one.learn(0, won=won)
        ten.learn(0, won=won)
    assert one.g[0] == pytest.approx(ten.g[0])


def test_dopamine_waits_until_the_place_is_known_to_be_rich_or_lean():
    agent = BanditOpal(2, OpalStarConfig(gain=20.0, sureness=1.0))
    assert agent.rho == 0.0
    agent.wins, agent.losses = 6.0, 5.0
    assert agent.rho == 0.0
    agent.wins, agent.losses = 60.0, 20.0
    assert agent.rho == pytest.approx(20 * 0.25)
    agent.wins, agent.losses = 20.0, 60.0
    assert agent.rho == pytest.approx(-20 * 0.25)


def test_go_tells_arms_apart_in_a_rich_place_and_no_go_in_a_lean_one():
    """Collins & Frank: Hebbian learning is convex, so each pathway resolves the side it accumulates on."""
    config = OpalStarConfig(dynamic=False, alpha_actor=0.1, alpha_critic=0.05)
    lead = {}
    for place in (RICH, LEAN):
        agents = [trained(config, place, 200, seed, free=False)[0] for seed in range(120)]
        lead[place] = interval([(a.g[0] - a.g[1]) - (a.n[1] - a.n[0]) for a in agents])
    assert lead[RICH][0] > 0.0
    assert lead[LEAN][1] < 0.0


def test_star_leans_on_go_where_it_is_rich_and_on_no_go_where_it_is_lean():
    config = OpalStarConfig()
    rich = [trained(config, RICH, 100, seed)[0].rho for seed in range(60)]
    lean = [trained(config, LEAN, 100, seed)[0].rho for seed in range(60)]
    assert interval(rich)[0] > 1.0
    assert interval(lean)[1] < -1.0


def test_the_balance_of_d1_and_d2_moves_choice_as_published():
    """Trained alike, more dopamine at choice picks the better arm more surely where it is rich, less where lean."""
    config = OpalStarConfig(dynamic=False, alpha_actor=0.1, alpha_critic=0.05)
    for place, side in ((RICH, 1), (LEAN, -1)):
        gain = []
        for seed in range(120):
            agent, _ = trained(config, place, 200, seed, free=False)
            sure = []
            for rho in (0.8, -0.8):
                agent.config = config.replace(rho=rho)
                sure.append(agent.probabilities()[0])
            gain.append(side * (sure[0] - sure[1]))
        assert interval(gain)[0] > 0.0


def test_rates_of_go_and_no_go_make_choosers_and_avoiders():
    """The probabilistic selection task: a faster Go chooses the best, a faster No-Go avoids the worst."""
    from janus_trader.brain.basal_ganglia.opal import opal_act, opal_update

    chances = (0.8, 0.2, 0.7, 0.3, 0.6, 0.4)

    def bias(alpha_g, alpha_n, seed):
        rng = np.random.default_rng(seed)
        g, n, v = np.ones(6), np.ones(6), 0.5
        for t in range(360):
            arm = t % 6
            won = float(rng.random() < chances[arm])
            g[arm], n[arm], v = opal_update(g[arm], n[arm], v, won, alpha_g, alpha_n, 0.05, 0.0, 10.0)
        act = np.array([opal_act(a, b, 1.0, 0.0) for a, b in zip(g, n, strict=True)])
        return (act[0] - act[2:].mean()) - (act[2:].mean() - act[1])  # choose A less avoid B

    choosers = interval([bias(0.15, 0.05, seed) for seed in range(80)])
    avoiders = interval([bias(0.05, 0.15, seed) for seed in range(80)])
    assert choosers[0] > 0.0 > avoiders[1]


@pytest.mark.parametrize("place", [(0.8, 0.7, 0.7, 0.7), (0.3, 0.2, 0.2, 0.2)])
def test_star_learns_better_than_chance_in_either_place(place):
    shares = [trained(OpalStarConfig(), place, 250, seed)[1] for seed in range(60)]
    assert interval(shares)[0] > 0.3
