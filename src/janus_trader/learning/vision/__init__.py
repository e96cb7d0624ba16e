"""Vision: a price path drawn as a video of Gramian fields, and two models that look at it.

What is exported here works without torch: configuration, start values, compiled and streaming inference.
The torch modules (`diffgaf`, `diffgaf_lstm`, `vivit`, `pipeline`), their training and the ONNX form are
imported from their own files (extra ``ml``).
"""

from janus_trader.learning.vision.architecture import (
    FitConfig,
    Kind,
    Parameters,
    VisionConfig,
    initial_parameters,
)
from janus_trader.learning.vision.compiled import CompiledVision, VisionOutput
from janus_trader.learning.vision.streaming import StreamingVision

__all__ = [
    "CompiledVision",
    "FitConfig",
    "Kind",
    "Parameters",
    "StreamingVision",
    "VisionConfig",
    "VisionOutput",
    "initial_parameters",
]
