"""From allowed weights to orders: the cost model, the order planner and execution schedules."""

import janus_trader.numerics  # noqa: F401  (its kernel cache serves the compiled functions here)
