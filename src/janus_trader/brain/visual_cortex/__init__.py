"""Visual cortex: the recent price path of every instrument, seen as an image.

Biology
    Early visual areas extract orientation and texture with fixed receptive fields; direction-selective
    cells respond to movement one way and are silent to the other.
Mechanism
    The last W log closes of an instrument are rescaled to [-1, 1] inside the window and read as the
    Gramian angular summation and difference fields (specification eq. 1-6). Block means of the two images
    are the texture; the difference field, which changes sign when the path is mirrored, gives the
    direction of travel (``trend``) and how that direction turned within the window (``reversal``).
Departures
    The images of the texture are never materialised: both fields have rank two, so every block mean is a
    product of sums and costs O(W) in place of O(W²). The minimum and maximum are those of the window alone (a
    longer span would leak). By default fixed receptive fields stand alone; with ``model = "diffgaf_lstm"`` or
    ``"vivit"`` (extra ``ml``) a trained model looks at a video of the fields besides, and fills the percept's
    outlook and embedding (`janus_trader.learning.vision`). Degradation from one model to a cheaper one follows
    declared costs and commands, never a clock.
"""

from janus_trader.brain.visual_cortex.degradation import LADDER, BudgetConfig
from janus_trader.brain.visual_cortex.texture import N_TEXTURES, TEXTURE_NAMES, read_texture
from janus_trader.brain.visual_cortex.vision_learner import VisionLearner, VisionLearningConfig
from janus_trader.brain.visual_cortex.visual import VisualCortex, VisualCortexConfig

__all__ = [
    "LADDER",
    "N_TEXTURES",
    "TEXTURE_NAMES",
    "BudgetConfig",
    "VisionLearner",
    "VisionLearningConfig",
    "VisualCortex",
    "VisualCortexConfig",
    "read_texture",
]
