"""Fit a model of the order flow to a recording."""

from __future__ import annotations

from janus_trader.contracts.errors import ConfigError
from janus_trader.simulation.book_market.flow import FlowKind, FlowModel
from janus_trader.simulation.book_market.order_flow_hawkes import fit_hawkes_flow
from janus_trader.simulation.book_market.queue_reactive import fit_queue_reactive
from janus_trader.stores.book_recordings import BookRecording


def fit_flow(recording: BookRecording, kind: FlowKind = "queue_reactive") -> FlowModel:
    """The model of an order flow with the largest likelihood for a recording, with the fits' own settings.

    Raises
    ------
    ConfigError
        An unknown kind.
    DataError
        Too little happens in the recording.
    """
    if kind == "queue_reactive":
        return fit_queue_reactive(recording)
    if kind == "hawkes":
        return fit_hawkes_flow(recording)
    raise ConfigError("unknown kind of order flow", got=kind, expected="hawkes or queue_reactive")
