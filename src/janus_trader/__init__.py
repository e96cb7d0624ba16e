"""JANUS: an autonomous trading system that learns and that can be trusted."""

from janus_trader.foundation.kernel_cache import use_kernel_cache

__version__ = "0.1.0"

use_kernel_cache()
