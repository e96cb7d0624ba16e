"""Building blocks that regions share: fuzzy logic, attention, networks, the trainer.

torch is imported only here and above, and only where it is used: the package itself imports without it
(extra ``ml``).
"""

import janus_trader.numerics  # noqa: F401  (its kernel cache serves the compiled functions here)
