"""Venues and order state: the only package that imports nautilus_trader, and only when a venue is built."""

import janus_trader.numerics  # noqa: F401  (its kernel cache serves the compiled functions here)
