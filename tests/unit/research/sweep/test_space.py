"""Points of a sweep and constraints on them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.contracts.errors import ConfigError
from janus_trader.research.sweep.space import BLOCK, Space, parse_axis
from janus_trader.research.sweep.where import Constraint


def points(space):
    parts = [space.block(k) for k in range(space.blocks)]
    numbers = np.concatenate([p[0] for p in parts])
    return numbers, {n: np.concatenate([p[1][n] for p in parts]) for n in space.names}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a=5:50:5", list(range(5, 51, 5))),
        ("a=5:12:3", [5, 8, 11]),
        ("a=0.1:0.3:0.1", [0.1, 0.2, 0.3]),
        ("a = 3, 1 ,2", [3, 1, 2]),
        ("a=7", [7]),
        ("a=4:4:1", [4]),
        ("a=1:100:log3", [1, 10, 100]),
        ("a=-2:2:2", [-2, 0, 2]),
    ],
)
def test_values_of_a_grid(text, values):
    axis = parse_axis(text)
    assert axis.name == "a"
    np.testing.assert_allclose(axis.values, values, rtol=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        "", "a", "a=", "=1", "a=x", "a=1:2:0", "a=1:2:-1", "a=5:1:1", "a=nan", "a=1:inf:1", "a=0:1:log5",
        "a=1:2:logx", "a=1:2:log1", "a=1:2:3:4", "a b=1", "a=1,1", "a=1,,2", "a=0:1:1e-9",
    ],
)  # fmt: skip
def test_an_axis_that_cannot_be_read_is_refused(text):
    with pytest.raises(ConfigError, match="--grid"):
        parse_axis(text)


def test_a_grid_is_every_combination_the_last_fastest():
    space = Space([parse_axis("a=1:3:1"), parse_axis("b=10,20"), parse_axis("c=0.5,1.5")])
    numbers, columns = points(space)
    expected = list(itertools.product([1, 2, 3], [10, 20], [0.5, 1.5]))
    assert numbers.tolist() == list(range(12))
    assert list(zip(*(columns[n] for n in "abc"), strict=True)) == expected


def test_blocks_join_without_a_seam():
    space = Space([parse_axis("a=1:100:1"), parse_axis("b=1:100:1")], where="a < b")
    numbers, columns = points(space)
    assert space.blocks == -(-10_000 // BLOCK)
    assert space.count() == numbers.size == 4950
    assert (columns["a"] < columns["b"]).all()
    assert numbers.tolist() == [a * 100 + b for a in range(100) for b in range(a + 1, 100)]


def test_samples_stay_in_range_repeat_and_do_not_depend_on_their_number():
    axes = [parse_axis(t) for t in ("n=5:9", "x=0.5:2.5", "rate=0.001:1:log", "mode=1,4", "k=2:64:log")]
    few, many = Space(axes, samples=500, seed=3), Space(axes, samples=6000, seed=3)
    _, a = points(few)
    _, b = points(many)
    for name in few.names:
        assert a[name].tolist() == b[name][:500].tolist()
    assert set(b["n"]) == {5, 6, 7, 8, 9}
    assert set(b["mode"]) == {1, 4}
    assert b["x"].min() >= 0.5
    assert b["x"].max() <= 2.5
    assert (b["k"] == np.rint(b["k"])).all()
    assert abs(np.mean(b["rate"] < 10**-1.5) - 0.5) < 0.03  # even in the logarithm
    assert points(Space(axes, samples=500, seed=4))[1]["x"].tolist() != a["x"].tolist()


@pytest.mark.parametrize(
    ("texts", "options", "words"),
    [
        ([], {}, "each once"),
        (["a=1", "a=2"], {}, "each once"),
        (["a=1:5"], {}, "no step"),
        (["a=1:100000:1", "b=1:100000:1"], {}, "too many points"),
        (["a=1:5:1"], {"where": "a > 9"}, "excludes every point"),
    ],
)
def test_a_space_without_points_is_refused(texts, options, words):
    with pytest.raises(ConfigError, match=words):
        Space([parse_axis(t) for t in texts], **options).count()


@given(
    st.lists(st.integers(-5, 5), min_size=1, max_size=6), st.lists(st.integers(-5, 5), min_size=1, max_size=6)
)
def test_a_constraint_is_what_python_says(xs, ys):
    pairs = list(itertools.product(xs, ys))
    columns = {"a": np.array([p[0] for p in pairs], float), "b": np.array([p[1] for p in pairs], float)}
    for text in ("a < b", "a < b <= 3", "not a == b and a*2 - b >= -1", "a % 3 == 1 or b != -a", "a/4 > b"):
        expected = [bool(eval(text, {}, {"a": a, "b": b})) for a, b in pairs]
        assert Constraint(text, ("a", "b"))(columns).tolist() == expected


@pytest.mark.parametrize(
    "text",
    [
        "a", "a +", "a < c", "a < __import__('os')", "a < b.real", "a < b[0]", "(lambda: 1)() < a", "a < 'x'",
        "a < True", "a in b", "a ** 9 < b", "[a] < b", "a := 3", "", "-a", "f'{a}' < b", "a < 1j",
    ],
)  # fmt: skip
def test_nothing_but_comparisons_is_allowed(text):
    with pytest.raises(ConfigError, match="--where"):
        Constraint(text, ("a", "b"))


@pytest.mark.parametrize(
    "text",
    ["a < 1" + "0" * 400, "-(a < 2) > 1", "(a < 2) * '3' > 1", "a > 1" + " + 1" * 20_000, "not " * 3000 + "a > 1",
     "-" * 3000 + "a > 1", "a < 1e400 - 1e400 + b"],
)  # fmt: skip
def test_a_constraint_that_cannot_be_worked_out_is_refused_in_few_words(text):
    with pytest.raises(ConfigError, match="--where") as refused:
        Constraint(text, ("a",))
    assert len(str(refused.value)) < 900


@pytest.mark.parametrize("text", ["", " ", None])
def test_a_blank_constraint_is_none(text):
    assert Space([parse_axis("a=1:3:1")], where=text).where is None


def test_a_long_constraint_that_leaves_nothing_is_shortened():
    space = Space([parse_axis("a=1:3:1")], where=" and ".join(["a > 9"] * 300))
    with pytest.raises(ConfigError, match="excludes every point") as refused:
        space.count()
    assert len(str(refused.value)) < 600
