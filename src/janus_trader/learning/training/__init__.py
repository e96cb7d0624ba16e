"""Training of torch modules: optimisers, schedules, early stopping, checkpoints, exact resume (extra ``ml``)."""

from janus_trader.learning.training.checkpoint import read_checkpoint, write_checkpoint
from janus_trader.learning.training.optimiser import OptimiserConfig, build_optimiser
from janus_trader.learning.training.schedule import ScheduleConfig, learning_rate_factor
from janus_trader.learning.training.stopping import EarlyStopping, StoppingConfig
from janus_trader.learning.training.trainer import (
    Callback,
    CheckpointEvery,
    EpochRecord,
    GradientReducer,
    Trainer,
    TrainerConfig,
    TrainingReport,
)

__all__ = [
    "Callback",
    "CheckpointEvery",
    "EarlyStopping",
    "EpochRecord",
    "GradientReducer",
    "OptimiserConfig",
    "ScheduleConfig",
    "StoppingConfig",
    "Trainer",
    "TrainerConfig",
    "TrainingReport",
    "build_optimiser",
    "learning_rate_factor",
    "read_checkpoint",
    "write_checkpoint",
]
