"""Do simulated order books behave like real ones? Stylised facts of both, side by side."""

from janus_trader.research.market_realism.compare import Comparison, compare, compare_recordings
from janus_trader.research.market_realism.measure import measure
from janus_trader.research.market_realism.measures import Curve, Fact, Measures
from janus_trader.research.market_realism.observe import Observed, observe
from janus_trader.research.market_realism.page import comparison_page

__all__ = [
    "Comparison", "Curve", "Fact", "Measures", "Observed", "compare", "compare_recordings", "comparison_page",
    "measure", "observe",
]  # fmt: skip
