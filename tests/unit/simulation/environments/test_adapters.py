"""Gymnasium's own checks, seeding, autoreset and the refusal of bad actions, for every environment."""

from __future__ import annotations

import copy
import subprocess
import sys
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import janus_trader.simulation.environments as environments
from janus_trader.contracts.errors import ConfigError, DataError, NotReady
from janus_trader.simulation.book_market import MarketConfig

HISTORY = environments.random_walk_history(np.random.default_rng(1), 120, 4)
WORLD = environments.BookWorld(
    market=MarketConfig(n_ticks=512, capacity=1024, start_price=256, uniforms=1024, warmup_s=1.0),
    settle_s=0.5,
    levels=2,
)
SHORT = {
    "janus/BookExecution-v0": {
        "config": environments.BookExecutionConfig(slices=4, lots=5000, slice_s=0.5),
        "world": WORLD,
    },
    "janus/BookMarketMaking-v0": {
        "config": environments.BookMarketMakingConfig(steps=5, step_s=0.5),
        "world": WORLD,
    },
    "janus/Portfolio-v0": {
        "history": HISTORY,
        "config": environments.PortfolioConfig(window=5, episode_bars=6, long_only=False),
    },
    "janus/Execution-v0": {"config": environments.ExecutionConfig(slices=5)},
    "janus/MarketMaking-v0": {"config": environments.MarketMakingConfig(steps=6, latency=1, mean_lots=2.0)},
}
NAMES = sorted(SHORT)


def make(name: str) -> gymnasium.Env:
    return gymnasium.make(name, **SHORT[name])


def vector(name: str, size: int, **options) -> gymnasium.vector.VectorEnv:
    return gymnasium.make_vec(name, num_envs=size, **SHORT[name], **options)


def play(env, seed: int) -> list[tuple[bytes, float, bool, bool, dict]]:
    """One episode of seeded random actions, as bytes and numbers."""
    observation, info = env.reset(seed=seed)
    env.action_space.seed(seed)
    steps = [(observation.tobytes(), 0.0, False, False, info)]
    while not (steps[-1][2] or steps[-1][3]):
        observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
        steps.append((observation.tobytes(), reward, terminated, truncated, info))
    return steps


@pytest.mark.parametrize("name", NAMES)
def test_gymnasium_finds_nothing_to_complain_about(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(make(name).unwrapped)


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_fixes_an_episode_and_another_seed_gives_another(name: str) -> None:
    env = make(name)
    first = play(env, 5)
    assert play(env, 5) == first
    assert play(make(name), 5) == first
    assert play(env, 6) != first


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_a_vector_equals_gymnasiums_loop_over_single_environments(name: str, mode: AutoresetMode) -> None:
    ours = vector(name, 3, autoreset_mode=mode)
    theirs = SyncVectorEnv([lambda: make(name)] * 3, autoreset_mode=mode)
    assert ours.single_action_space == theirs.single_action_space
    assert ours.observation_space == theirs.observation_space
    a, info_a = ours.reset(seed=11)
    b, info_b = theirs.reset(seed=11)
    np.testing.assert_array_equal(a, b)
    ours.action_space.seed(2)
    ends = 0
    for _ in range(20):
        actions = ours.action_space.sample()
        a, *flags_a, info_a = ours.step(actions)
        b, *flags_b, info_b = theirs.step(actions)
        np.testing.assert_array_equal(a, b)
        for x, y in zip(flags_a, flags_b, strict=True):
            np.testing.assert_array_equal(x, y)
            assert x.dtype == y.dtype
        assert set(info_a) == set(info_b)
        for key in info_a:
            if key == "final_obs":
                for x, y in zip(info_a[key], info_b[key], strict=True):
                    assert (x is None) == (y is None)
                    if x is not None:
                        np.testing.assert_array_equal(x, y)
            elif key == "final_info":
                assert set(info_a[key]) == set(info_b[key])
                for inner in info_a[key]:
                    np.testing.assert_array_equal(info_a[key][inner], info_b[key][inner])
            else:
                np.testing.assert_array_equal(info_a[key], info_b[key])
        ends += int(flags_a[1].sum() + flags_a[2].sum())
    assert ends >= 6


@pytest.mark.parametrize("name", NAMES)
def test_without_autoreset_ended_episodes_wait_for_their_reset(name: str) -> None:
    env = vector(name, 2, autoreset_mode="Disabled")
    env.reset(seed=1)
    actions = np.zeros(env.action_space.shape)
    over = np.zeros(2, bool)
    while not over.any():
        _, _, terminated, truncated, _ = env.step(actions)
        over = terminated | truncated
    with pytest.raises(NotReady, match="ended"):
        env.step(actions)
    env.reset(options={"reset_mask": over})
    env.step(actions)
    for mask in (np.ones(3, bool), np.zeros(2, bool), [True, False], np.ones(2)):
        with pytest.raises(DataError, match="reset_mask"):
            env.reset(options={"reset_mask": mask})


@pytest.mark.parametrize("name", NAMES)
def test_what_a_vector_returned_is_never_changed_later(name: str) -> None:
    env = vector(name, 2)
    kept = [env.reset(seed=1)]
    env.action_space.seed(1)
    frozen = [copy.deepcopy(kept[0])]
    for _ in range(9):
        kept.append(env.step(env.action_space.sample()))
        frozen.append(copy.deepcopy(kept[-1]))
    kept.append(env.reset())
    for now, then in zip(kept, frozen, strict=False):
        for x, y in zip(now[:-1], then[:-1], strict=True):
            np.testing.assert_array_equal(x, y)
        for key, value in now[-1].items():
            np.testing.assert_array_equal(value, then[-1][key])


@pytest.mark.parametrize("name", NAMES)
def test_threads_and_reused_buffers_change_no_byte(name: str) -> None:
    size = 18 if "Book" in name else 300
    plain = vector(name, size, threads=1)
    other = vector(name, size, threads=2, copy=False)
    assert other.unwrapped.episodes.threads == 2
    a, b = plain.reset(seed=3)[0], other.reset(seed=3)[0]
    plain.action_space.seed(4)
    for _ in range(8):
        np.testing.assert_array_equal(a, b)
        actions = plain.action_space.sample()
        a, reward_a, *_ = plain.step(actions)
        b, reward_b, *_ = other.step(actions)
        np.testing.assert_array_equal(reward_a, reward_b)
    other.close()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "spoil",
    [
        lambda a: np.full_like(a, np.nan),
        lambda a: np.full_like(a, np.inf),
        lambda a: a + 1.01,
        lambda a: a - 2.01,
        lambda a: a[:-1],
        lambda a: a[None],
        lambda a: "buy",
        lambda a: None,
    ],
)
def test_a_bad_action_is_refused_and_nothing_has_happened(name: str, spoil) -> None:
    env = make(name).unwrapped
    env.reset(seed=1)
    good = np.ones(env.action_space.shape, np.float32)
    env.step(0.5 * good)
    with pytest.raises(DataError):
        env.step(spoil(good))
    after = env.step(0.5 * good)
    untouched = make(name).unwrapped
    untouched.reset(seed=1)
    untouched.step(0.5 * good)
    expected = untouched.step(0.5 * good)
    np.testing.assert_array_equal(after[0], expected[0])
    assert after[1:] == expected[1:]


@pytest.mark.parametrize("name", NAMES)
def test_a_bad_action_in_a_vector_names_its_episode(name: str) -> None:
    env = vector(name, 3)
    env.reset(seed=1)
    actions = np.zeros(env.action_space.shape)
    actions[1, 0] = np.nan
    with pytest.raises(DataError, match="episode 1"):
        env.step(actions)
    with pytest.raises(DataError, match="shape"):
        env.step(np.zeros(env.single_action_space.shape))


@pytest.mark.parametrize("name", NAMES)
def test_a_step_outside_an_episode_is_refused(name: str) -> None:
    env = make(name).unwrapped
    action = np.zeros(env.action_space.shape)
    with pytest.raises(NotReady):
        env.step(action)
    play(env, 1)
    with pytest.raises(NotReady):
        env.step(action)
    with pytest.raises(NotReady):
        vector(name, 2).step(np.zeros((2, *env.action_space.shape)))


def test_options_seeds_and_sizes_that_do_not_fit_are_refused() -> None:
    env = make("janus/Execution-v0")
    with pytest.raises(DataError, match="option"):
        env.reset(options={"begin": 3})
    with pytest.raises(DataError, match="seeds"):
        vector("janus/Execution-v0", 2).reset(seed=[1])
    with pytest.raises(ConfigError):
        vector("janus/Execution-v0", 0)


def test_seeds_may_be_given_one_by_one() -> None:
    env = vector("janus/MarketMaking-v0", 2)
    env.reset(seed=[8, 5])
    step = env.step(np.ones((2, 4)))
    alone = make("janus/MarketMaking-v0")
    alone.reset(seed=5)
    np.testing.assert_array_equal(step[0][1], alone.step(np.ones(4))[0])


def test_without_gymnasium_the_import_says_what_to_install() -> None:
    code = "import sys; sys.modules['gymnasium'] = None; import janus_trader.simulation.environments"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ConfigError" in done.stderr
    assert "janus-trader[gym]" in done.stderr
