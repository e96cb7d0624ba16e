"""Data-parallel training: several processes that take the same steps as one (extra ``ml``)."""

from janus_trader.learning.distributed.asynchronous import ServedReport, train_asynchronously
from janus_trader.learning.distributed.checkpoint import join_shards, split_shards
from janus_trader.learning.distributed.gradients import ProcessGroupReducer, ReducerConfig
from janus_trader.learning.distributed.launch import Rendezvous, train_together
from janus_trader.learning.distributed.sharding import Sharding, shard
from janus_trader.learning.distributed.transfer import PeerLost

__all__ = [
    "PeerLost",
    "ProcessGroupReducer",
    "ReducerConfig",
    "Rendezvous",
    "ServedReport",
    "Sharding",
    "join_shards",
    "shard",
    "split_shards",
    "train_asynchronously",
    "train_together",
]
