"""The ten regions: nine anatomical packages and the integration that wires them.

Regions never import each other; see ``janus_trader.brain.integration.wake`` for the day and
``janus_trader.brain.integration.sleep`` for the night.
"""

import janus_trader.numerics  # noqa: F401  (its kernel cache serves the compiled functions here)
