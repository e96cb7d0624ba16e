"""Venues and order state: the only package that imports nautilus_trader, and only when a venue is built."""
