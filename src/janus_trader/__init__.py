"""JANUS: an autonomous trading system that learns and that can be trusted."""

__version__ = "0.1.0"
