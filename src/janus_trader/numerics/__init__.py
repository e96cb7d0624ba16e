"""Pure compiled kernels: streaming and batch of the same source, no I/O, no clock, no randomness."""

from janus_trader.numerics.symbol_names import use_stable_symbol_names

use_stable_symbol_names()
