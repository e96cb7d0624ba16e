"""Named random streams: a new component never shifts the numbers of another."""

from __future__ import annotations

import hashlib

import numpy as np


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
        key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "little")
        return np.random.Generator(np.random.Philox(key=key))
