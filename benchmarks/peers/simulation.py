"""Simulated markets have no measured peer.

ABIDES, the agent-based simulator that publishes a speed (about 42,000 messages a second), is no package of
the index: it is installed from its repository, with pins that this environment does not share, and its
agents are not ours. The title of ``simulation.queue_reactive.agents`` states the published figure.
"""

from __future__ import annotations

from janus_trader.research.bench.work import Peer

PEERS: tuple[Peer, ...] = ()
