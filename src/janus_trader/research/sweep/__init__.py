"""Parameter sweeps: many back-tests of one strategy, and what the best of them is worth.

`space` says which parameters are tried, `candidates` makes a strategy of each point, `engine` runs them on
all cores, `store` keeps them, `evidence` says how far the best may be believed, `sweep` puts it together.
"""

from janus_trader.research.sweep.space import Axis, Space, parse_axis
from janus_trader.research.sweep.sweep import SweepRequest, SweepResult, run_sweep

__all__ = ["Axis", "Space", "SweepRequest", "SweepResult", "parse_axis", "run_sweep"]
