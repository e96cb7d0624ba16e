"""Fixtures shared by every test, and one derandomised hypothesis profile."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "janus",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("janus")


#: Files whose tests share nothing dear: each test may run beside the others.
APART = ("tests/docs/test_documents.py", "tests/laws/test_worlds.py")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a file in one process: what one has compiled or lived, the next finds."""
    for item in items:
        name = item.nodeid.split("::")[0]
        if name not in APART:
            item.add_marker(pytest.mark.xdist_group(name))


def pytest_collection_finish() -> None:
    """Let garbage collection pass over what was imported and collected: it stays until the end.

    Compiling makes so many objects that walking over all of these again took an eighth of its time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The recorded market data beside the repository; a test that needs it skips where it is absent."""
    root = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not root.is_dir():
        pytest.skip("recorded market data (shared/data) is not beside this repository")
    return root


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator with a fixed seed, fresh for each test."""
    return np.random.default_rng(20240607)
