import numpy as np
import pytest

from janus_trader.contracts.memory import Episode, Episodes
from janus_trader.foundation.codec import encode


def episode(step):
    return Episode(
        step=step,
        ts_event=step,
        context=np.full(3, step),
        posterior=np.full(7, 1 / 7),
        signals=np.full((2, 2), step),
        payoff=np.full((2, 2), step),
        weights=np.full(2, step),
        reward=float(step),
        cost=0.0,
        fear=0.0,
        surprise=0.0,
        confidence=0.0,
        ripple=str(step),
        features=np.full((2, 12), step),
        held=np.full(2, step),
        violation=step / 100,
    )


def followed(*steps):
    """Episodes with the next step as successor, but for the last."""
    rows = Episodes.of([episode(s) for s in steps])
    continues = np.append(np.diff(steps) == 1, False)
    nexts = [s + 1 if c else s for s, c in zip(steps, continues, strict=True)]
    return rows.with_after(Episodes.of([episode(s) for s in nexts]), continues)


def test_columns_and_messages_say_the_same():
    rows = [episode(s) for s in (3, 4)]
    columns = Episodes.of(rows)
    assert columns.violation.tolist() == [0.03, 0.04]
    assert [e.violation for e in columns] == [0.03, 0.04]
    assert [e.step for e in columns[0:2]] == [3, 4]
    assert Episodes.of(columns) is columns


def test_a_slice_keeps_what_came_after():
    part = followed(1, 2, 3, 5).taken(np.array([True, False, True, False]))
    assert part.step.tolist() == [1, 3]
    assert part.after.step.tolist() == [2, 3]
    assert part.continues.tolist() == [True, False]


def test_before_a_step_nothing_at_or_after_it_is_known():
    rows = followed(1, 2, 3, 4, 5)
    part = rows.before(4)
    assert part.step.tolist() == [1, 2, 3]
    assert part.continues.tolist() == [True, True, False]
    assert part.after.step.tolist() == [2, 3, 3]  # the last repeats itself, in every column
    for name in ("context", "signals", "payoff", "features", "held", "reward", "violation"):
        np.testing.assert_array_equal(getattr(part.after, name)[2], getattr(part, name)[2])
    assert part.after.ripple == ("2", "3", "3")
    assert len(rows.before(0)) == 0
    assert rows.before(9).continues.tolist() == rows.continues.tolist()


def test_joining_is_in_order_of_time_and_keeps_what_all_know():
    both = followed(5, 6).joined(followed(1, 2), Episodes.of([]))
    assert both.step.tolist() == [1, 2, 5, 6]
    assert both.after.step.tolist() == [2, 2, 6, 6]
    assert both.continues.tolist() == [True, False, True, False]
    assert followed(5).joined(Episodes.of([episode(1)])).after is None
    assert Episodes.of([]).joined(both) is both
    assert len(Episodes.of([]).joined()) == 0


def test_episodes_without_logic_broke_nothing():
    columns = Episodes.of([episode(1)])
    again = Episodes(**{k: v for k, v in vars(columns).items() if k != "violation"})
    assert again.violation.tolist() == [0.0]


@pytest.mark.parametrize("rows", [slice(0, 0), np.empty(0, np.int64)])
def test_no_rows_are_no_rows(rows):
    part = followed(1, 2).taken(rows)
    assert len(part) == len(part.after) == len(part.continues) == 0


def test_an_episode_travels():
    assert encode(episode(1)) != encode(episode(2))
