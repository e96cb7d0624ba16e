"""Research: benchmarks, fast back-tests, sweeps, and the attacks that a result must survive."""

import janus_trader.numerics  # noqa: F401  (its kernel cache serves the compiled functions here)
