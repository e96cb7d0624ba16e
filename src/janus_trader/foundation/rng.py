"""Named random streams: a new component never shifts the numbers of another."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.random.bit_generator import ISeedSequence


class _Key(ISeedSequence):
    """Seeds a Philox generator with a key as it is, so that the system is not asked for randomness first."""

    def __init__(self, digest: bytes) -> None:
        self._digest = digest

    def generate_state(self, n_words: int, dtype: Any = np.uint64) -> np.ndarray:
        return np.frombuffer(self._digest, "<u8").astype(np.uint64)[:n_words]


class Rng:
    """A tree of independent streams, each spawned by name from one seed.

    >>> a = Rng(7).child("hippocampus.replay").generator(3).integers(100)
    >>> b = Rng(7).child("hippocampus.replay").generator(3).integers(100)
    >>> int(a) == int(b)
    True
    """

    def __init__(self, seed: int, path: str = "") -> None:
        self.seed = int(seed)
        self.path = path

    def child(self, name: str) -> Rng:
        """The stream of a component, independent of every other name."""
        return Rng(self.seed, f"{self.path}/{name}")

    def generator(self, *index: int) -> np.random.Generator:
        """A fresh generator for one use, e.g. one night: no state has to be saved to resume."""
        name = f"{self.seed}:{self.path}:{','.join(str(int(i)) for i in index)}"
        key: Any = _Key(hashlib.sha256(name.encode()).digest()[:16])
        return np.random.Generator(np.random.Philox(key))
