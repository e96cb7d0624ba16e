"""Cross-attention over modalities: the torch modules, and their training into gates.

What is learned here is used by `janus_trader.numerics.cross_attention`, which needs no torch.
"""

from janus_trader.learning.attention.gate_network import GateNetwork, gate_weights
from janus_trader.learning.attention.module import CrossAttention
from janus_trader.learning.attention.training import GateExamples, GateTraining, train_gates

__all__ = ["CrossAttention", "GateExamples", "GateNetwork", "GateTraining", "gate_weights", "train_gates"]
