"""Fixtures shared by every test, and one derandomised hypothesis profile."""

from __future__ import annotations

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
