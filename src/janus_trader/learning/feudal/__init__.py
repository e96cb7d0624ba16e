"""Feudal networks: a manager that sets directions, a worker that goes there (extra ``ml``).

Only `config` and `reward` can be imported without torch; the rest is loaded when it is asked for.
"""

from janus_trader.learning.feudal.config import FeudalConfig
from janus_trader.learning.feudal.reward import cosine, intrinsic_reward

__all__ = ["FeudalConfig", "cosine", "intrinsic_reward"]
