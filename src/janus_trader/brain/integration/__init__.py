"""Wiring of the ten regions: the day (`wake`), the night (`sleep`), health (`coordinator`)."""
