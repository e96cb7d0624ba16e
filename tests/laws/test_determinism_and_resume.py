"""Same input, same bytes; an interrupted life arrives where an uninterrupted one does."""

import os
import subprocess
import sys

import numpy as np
import pytest

from janus_trader.contracts.errors import IntegrityError
from janus_trader.foundation.threads import one_thread
from janus_trader.runs.driver import Interrupted
from janus_trader.runs.replay import compare_journals
from support.lives import history, live, make_life

SPAN = {"start": "2012-01-01", "end": "2012-05-31"}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "run"
    live(path, history(**SPAN))
    return path


@pytest.mark.parametrize("stop_after", [1, 22, 57])
def test_resume_gives_the_same_bytes(uninterrupted, tmp_path, stop_after):
    past = history(**SPAN)
    life = make_life(tmp_path / "run", past)
    bars = iter(range(10**9))
    with pytest.raises(Interrupted):
        life.run(stop=lambda: next(bars) >= stop_after)
    life.venue.close()
    from janus_trader.runs.driver import Life
    from support.lives import RunDirectory, RunRequest, _strategies, configure

    config = configure()
    again = Life(past, config, _strategies(RunRequest(), config, past), RunDirectory(tmp_path / "run"), 0)
    again.run()
    again.venue.close()
    result = compare_journals(uninterrupted / "journal.bin", tmp_path / "run" / "journal.bin")
    assert result.identical
    assert again.chain.head == result.recorded_chain
    for name in ("episodes.bin", "nights.bin"):
        assert (tmp_path / "run" / name).read_bytes() == (uninterrupted / name).read_bytes()


@pytest.mark.parametrize("threads", ["1", "2"])
def test_another_process_gives_the_same_bytes_however_many_threads_blas_has(uninterrupted, tmp_path, threads):
    # a day of this life asks for no product large enough to be divided among threads: it is asked beside it
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "from pathlib import Path; import numpy as np; from support.lives import history, live;"
        "from janus_trader.runs.records import StepRecord;"
        "x = np.random.default_rng(0).normal(size=99_999);"
        "ask = lambda life: life.bus.subscribe(StepRecord, lambda record: products.add(float(x @ x).hex()));"
        f"products = set(); live(Path(sys.argv[2]), history(**{SPAN!r}), before=ask); print(*products)"
    )
    root = __file__.rsplit("/laws/", 1)[0]
    told = subprocess.run(
        [sys.executable, "-c", code, root, str(tmp_path / "run")],
        check=True,
        timeout=300,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads},
    ).stdout
    x = np.random.default_rng(0).normal(size=99_999)
    with one_thread():
        assert told.split() == [float(x @ x).hex()]
    assert compare_journals(uninterrupted / "journal.bin", tmp_path / "run" / "journal.bin").identical
    for name in ("episodes.bin", "nights.bin"):
        assert (tmp_path / "run" / name).read_bytes() == (uninterrupted / name).read_bytes()


def test_another_seed_changes_only_what_is_random(uninterrupted, tmp_path):
    live(tmp_path / "run", history(**SPAN), seed=1)
    result = compare_journals(uninterrupted / "journal.bin", tmp_path / "run" / "journal.bin")
    assert not result.identical
    assert (
        result.divergence.step > 20
    )  # replay is the only randomness, and there is nothing to replay at first


def test_resume_on_other_prices_is_refused(tmp_path):
    past = history(**SPAN)
    life = make_life(tmp_path / "run", past)
    bars = iter(range(10**9))
    with pytest.raises(Interrupted):
        life.run(stop=lambda: next(bars) >= 40)
    life.venue.close()
    from janus_trader.runs.driver import Life
    from support.lives import RunDirectory, RunRequest, _strategies, configure, perturbed

    other = perturbed(past, 10, np.random.default_rng(0))
    config = configure()
    again = Life(other, config, _strategies(RunRequest(), config, other), RunDirectory(tmp_path / "run"), 0)
    with pytest.raises(IntegrityError, match="rebuilt from the journal differs"):
        again.run()
    again.venue.close()
