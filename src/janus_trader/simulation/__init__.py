"""Simulated worlds: histories whose truth is known, made from real ones."""
