"""Simulated worlds: histories whose truth is known, made from real ones."""

import janus_trader.numerics  # noqa: F401  (its kernel cache serves the compiled functions here)
