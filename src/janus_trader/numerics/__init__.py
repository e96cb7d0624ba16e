"""Pure compiled kernels: streaming and batch of the same source, no I/O, no clock, no randomness.

Importing it makes compiled code sound across processes; every module that caches compiled functions
imports something from here (a test says so).
"""

from janus_trader.numerics.kernel_cache import use_kernel_cache
from janus_trader.numerics.symbol_names import use_stable_symbol_names

use_kernel_cache()
use_stable_symbol_names()
