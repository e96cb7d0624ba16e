"""The visual cortex: a window of log closes per instrument and what its image shows."""

from __future__ import annotations

import importlib.util
from typing import Annotated, Any, Literal

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.brain.visual_cortex.degradation import BudgetConfig, affordable, rungs
from janus_trader.brain.visual_cortex.history import CloseHistory
from janus_trader.brain.visual_cortex.texture import N_TEXTURES, line_travel, read_texture
from janus_trader.brain.visual_cortex.vision_learner import VisionLearner, VisionLearningConfig
from janus_trader.contracts.decision import VisualPercept
from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.config import Config
from janus_trader.learning.vision import Kind, Parameters, StreamingVision, VisionConfig, initial_parameters


class VisualCortexConfig(Config, frozen=True):
    """Size of the image, and which model looks at the video."""

    window: Annotated[int, Meta(ge=8, le=512, description="bars in the image (W of eq. 5)")] = 32
    model: Annotated[
        Literal["texture", "diffgaf_lstm", "vivit", "off"],
        Meta(description="fixed receptive fields alone, a trained model besides (extra ml), or nothing"),
    ] = "texture"
    vision: VisionConfig = VisionConfig()
    learning: VisionLearningConfig = VisionLearningConfig()
    budget: BudgetConfig = BudgetConfig()
    seed: Annotated[int, Meta(ge=0, description="of the start values of the models")] = 0


@njit(cache=True)
def _look(bars, present, paths, seen, work, units, texture, directions, ready):
    """Push the new closes and read the image of every instrument that had a bar."""
    n, w = paths.shape
    x, s, trend, reversal = work[0], work[1], directions[0], directions[1]
    for i in range(n):
        close = bars[i].close
        if not present[i] or not (close > 0.0 and np.isfinite(close)):
            continue
        path = paths[i]
        for j in range(w - 1):
            path[j] = path[j + 1]
        path[w - 1] = np.log(close)
        seen[i] = min(seen[i] + 1, w)
        if seen[i] < w:
            continue
        ready[i] = True
        trend[i], reversal[i] = read_texture(path, x, s, units[0], units[1], units[2], texture[i])


class VisualCortex:
    """Reads the Gramian texture of each instrument's last ``window`` closes, and looks at the video of them.

    Parameters
    ----------
    config : VisualCortexConfig
    n : int
        Number of instruments, >= 1.

    Raises
    ------
    ConfigError
        There is no instrument, sizes do not fit, or a model is asked for and the extra ``ml`` is missing.

    Notes
    -----
    Warm-up: an instrument is ready after ``window`` bars of its own, its outlook after ``vision.span``; until
    then its outputs are 0. An absent instrument, or a close that is not a positive number, leaves its window
    and outputs as they were. Outputs do not depend on the scale of prices. An untrained model expects nothing:
    outlook 0. Cost O(n·W) per bar for the texture; a model's is one frame and one look per instrument.

    Examples
    --------
    >>> from janus_trader.contracts.market import BAR_DTYPE
    >>> eye, bars = VisualCortex(VisualCortexConfig(window=8), 1), np.zeros(1, BAR_DTYPE)
    >>> for price in np.linspace(100.0, 110.0, 8):
    ...     bars["close"] = price
    ...     percept = eye(bars, np.array([True]))
    >>> bool(percept.ready[0]), bool(percept.trend[0] > 0.99), percept.model
    (True, True, 'texture')
    """

    def __init__(self, config: VisualCortexConfig, n: int) -> None:
        if n < 1:
            raise ConfigError("the visual cortex needs an instrument", got=n, expected="n >= 1")
        self.config, self.n = config, int(n)
        w, half = config.window, config.window // 2
        self._units = np.array([line_travel(w), line_travel(half), line_travel(w - half)])
        self._work = np.empty((2, w))
        self._rungs = rungs(config.model)
        self._eyes: dict[str, StreamingVision] = {}
        self._learners: list[VisionLearner] = []
        self._history: CloseHistory | None = None
        kinds: list[Kind] = [k for k in self._rungs if k in ("diffgaf_lstm", "vivit")]  # type: ignore[misc]
        if kinds:
            self._open_eyes(kinds)
        self.reset()

    def _open_eyes(self, kinds: list[Kind]) -> None:
        config = self.config
        if importlib.util.find_spec("torch") is None:
            raise ConfigError(
                f"visual_cortex.model = {config.model!r} trains with torch, which is not installed",
                got="no torch",
                expected="the extra ml",
                remedy='pip install "janus-trader[ml]", or set visual_cortex.model = "texture"',
            )
        self._history = CloseHistory(self.n, config.learning.memory, config.vision.span)
        for index, kind in enumerate(kinds):
            generator = np.random.default_rng([config.seed, index])
            start = initial_parameters(config.vision, kind, generator)
            eye = StreamingVision(config.vision, kind, start, self.n)
            self._eyes[kind] = eye
            self._learners.append(
                VisionLearner(config.learning, config.vision, kind, start, self._history, eye.adopt)
            )

    def reset(self) -> None:
        """Forget every window and all that was learned."""
        n = self.n
        self._paths = np.zeros((n, self.config.window))
        self._seen = np.zeros(n, np.int64)
        self._texture = np.zeros((n, N_TEXTURES))
        self._directions = np.zeros((2, n))  # trend and reversal
        self._ready = np.zeros(n, np.bool_)
        self._level = 0
        self._rung = affordable(self.config.model, self.config.budget, n)
        if self._history is not None:
            self._history.reset()
            for eye, learner in zip(self._eyes.values(), self._learners, strict=True):
                eye.reset()
                learner.reset()

    @property
    def model(self) -> str:
        """What looks now."""
        return self._rung

    def degrade(self, level: int) -> str:
        """Step ``level`` rungs down from the configured model, or back up; 0 is as configured. Returns what looks.

        The caller journals the command: the region never looks at a clock. The budget still holds. A model that
        takes over encodes the frames of its video once, and from then on gives what it would have given had it
        looked all the time.

        Raises
        ------
        ConfigError
            ``level`` is negative.
        """
        if level < 0:
            raise ConfigError("no such level of degradation", got=level, expected="0 (as configured) or more")
        self._level = min(int(level), len(self._rungs) - 1)
        rung = affordable(self._rungs[self._level], self.config.budget, self.n)
        if rung != self._rung and rung in self._eyes and self._history is not None:
            self._eyes[rung].follow(self._history.latest(), self._history.seen)
        self._rung = rung
        return rung

    def __call__(self, bars: np.ndarray, present: np.ndarray, ts_event: int | None = None) -> VisualPercept:
        """Take in one bar per instrument and return what is seen.

        Parameters
        ----------
        bars : (n,) array of `BAR_DTYPE`
        present : (n,) bool array
        ts_event : int, optional
            Close time of the bar: what the night finds this image by. Without it the image is seen but
            never learned from.

        Raises
        ------
        DataError
            ``bars`` or ``present`` does not have one entry per instrument.
        """
        if bars.shape != (self.n,) or present.shape != (self.n,):
            raise DataError(
                "visual cortex: wrong number of instruments",
                got=(bars.shape, present.shape),
                expected=f"({self.n},) bars and presence flags",
            )
        if self._rung == "off":
            return self._blind()
        _look(
            bars,
            present,
            self._paths,
            self._seen,
            self._work,
            self._units,
            self._texture,
            self._directions,
            self._ready,
        )
        trend, reversal = self._directions.copy()
        outlook = self._outlook(bars, present, ts_event) if self._history is not None else {}
        return VisualPercept(
            trend=trend,
            reversal=reversal,
            texture=self._texture.copy(),
            ready=self._ready.copy(),
            model=self._rung,
            **outlook,
        )

    def _blind(self) -> VisualPercept:
        nothing = np.zeros(self.n)
        return VisualPercept(
            trend=nothing,
            reversal=nothing.copy(),
            texture=self._texture.copy(),
            ready=self._ready.copy(),
            model="off",
        )

    def _outlook(self, bars: np.ndarray, present: np.ndarray, ts_event: int | None) -> dict[str, Any]:
        """Remember the bar, let the model in force look, and say what it expects."""
        close, history = bars["close"], self._history
        assert history is not None
        usable = present & (close > 0.0) & np.isfinite(close)
        values = np.log(np.where(usable, close, 1.0))
        history.push(values, usable, ts_event)
        if self._rung not in self._eyes:
            return {}
        seen = self._eyes[self._rung].update(values, usable)
        return {"outlook": seen.direction, "embedding": seen.embedding}

    def learners(self) -> list[VisionLearner]:
        """The learner of every model on the ladder; none without a model."""
        return list(self._learners)

    def parameters(self) -> dict[str, Parameters]:
        """Learned parameters in force, by learner."""
        return {x.name: x.parameters() for x in self._learners}

    def snapshot(self) -> bytes:
        """Windows, last outputs, and where there is a model its memory, state and parameters, as bytes."""
        state: dict[str, Any] = {
            "paths": self._paths,
            "seen": self._seen,
            "texture": self._texture,
            "trend": self._directions[0],
            "reversal": self._directions[1],
            "ready": self._ready,
        }
        if self._history is not None:
            state["vision"] = {
                "level": self._level,
                "rung": self._rung,
                "history": self._history.state(),
                "eyes": {k: eye.snapshot() for k, eye in self._eyes.items()},
                "parameters": self.parameters(),
            }
        return pack(state)

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back.

        Raises
        ------
        IntegrityError
            It was taken with another window, number of instruments, or model.
        """
        tree = unpack(raw)
        shape = (self.n, self.config.window)
        vision = tree.get("vision")
        models = set(vision["eyes"]) if vision else set()
        if tree["paths"].shape != shape or models != set(self._eyes):
            raise IntegrityError(
                "visual cortex: snapshot does not fit",
                got=(tree["paths"].shape, sorted(models)),
                expected=str((shape, sorted(self._eyes))),
            )
        self.reset()
        self._paths, self._seen = tree["paths"], tree["seen"]
        self._texture, self._ready = tree["texture"], tree["ready"]
        self._directions = np.array([tree["trend"], tree["reversal"]])
        if self._history is not None:
            self._level, self._rung = int(vision["level"]), str(vision["rung"])
            self._history.put(vision["history"])
            for learner in self._learners:
                learner.adopt(vision["parameters"][learner.name])
            for kind, eye in self._eyes.items():
                eye.restore(vision["eyes"][kind])
