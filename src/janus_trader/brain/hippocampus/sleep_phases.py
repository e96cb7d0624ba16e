"""The five phases of a night, their rules and what each asks of replay."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from janus_trader.brain.hippocampus.compression import Compression
from janus_trader.contracts.memory import SleepPhase
from janus_trader.foundation.config import Config, Count, Fraction, Positive


class PhaseConfig(Config, frozen=True):
    """What a phase asks of replay.

    ``intensity`` is its share of the night's replay against the other phases that replay; ``threshold`` the
    strength a trace needs to pass to the cortex (above 1: nothing passes).
    """

    intensity: Fraction
    compression: Compression
    replays: bool
    threshold: Annotated[Positive, Meta(description="strength of a trace handed on")]


class SleepCyclesConfig(Config, frozen=True):
    """Limits and parameters of the phases."""

    pressure: Annotated[Fraction, Meta(description="fill of the buffer that sends to sleep")] = 0.7
    light_cycles: Count = 2
    deep_cycles: Count = 3
    integration_cycles: Count = 5
    transition_cycles: Count = 1
    rounds: Annotated[Count, Meta(description="times a night passes through its phases at most")] = 1
    awake: PhaseConfig = PhaseConfig(
        intensity=0.0, compression=Compression.NONE, replays=False, threshold=2.0
    )
    light: PhaseConfig = PhaseConfig(
        intensity=0.3, compression=Compression.LIGHT, replays=True, threshold=2.0
    )
    deep: PhaseConfig = PhaseConfig(
        intensity=0.8, compression=Compression.MEDIUM, replays=True, threshold=0.6
    )
    integration: PhaseConfig = PhaseConfig(
        intensity=0.6, compression=Compression.STRONG, replays=False, threshold=0.3
    )
    transition: PhaseConfig = PhaseConfig(
        intensity=0.2, compression=Compression.EXTREME, replays=False, threshold=2.0
    )

    def of(self, phase: SleepPhase) -> PhaseConfig:
        """Parameters of a phase."""
        found: PhaseConfig = getattr(self, phase.value)
        return found


class SleepCycle:
    r"""State machine of a night (specification eq. 42).

    ==============  ===========================================================================
    from            to
    ==============  ===========================================================================
    AWAKE           LIGHT when the session is over or the buffer is ``pressure`` full
    LIGHT           after ``light_cycles``: DEEP in a deep night, else INTEGRATION
    DEEP            INTEGRATION after ``deep_cycles``
    INTEGRATION     TRANSITION after ``integration_cycles``
    TRANSITION      after ``transition_cycles``: LIGHT while the buffer is still full and the night
                    has rounds left, else AWAKE
    ==============  ===========================================================================

    O(1) a step; no state outlives the night.

    Examples
    --------
    >>> cycle = SleepCycle(SleepCyclesConfig(integration_cycles=1), deep=False)
    >>> [cycle.advance(0.0, session_over=i == 0).value for i in range(5)]
    ['light', 'light', 'integration', 'transition', 'awake']
    """

    def __init__(self, config: SleepCyclesConfig, *, deep: bool) -> None:
        self.config, self.deep = config, deep
        self.phase, self.cycles, self.rounds = SleepPhase.AWAKE, 0, 0

    @property
    def parameters(self) -> PhaseConfig:
        """What the present phase asks for."""
        return self.config.of(self.phase)

    def advance(self, pressure: float, *, session_over: bool = False) -> SleepPhase:
        """The phase of the next cycle. ``pressure`` in [0, 1] is how full the buffer is; NaN counts as full."""
        config = self.config
        full = not pressure < config.pressure
        if self.phase is SleepPhase.AWAKE:
            return self._enter(SleepPhase.LIGHT if session_over or full else SleepPhase.AWAKE)
        limit = getattr(config, f"{self.phase.value}_cycles")
        if self.cycles < limit:
            return self._enter(self.phase)
        if self.phase is SleepPhase.LIGHT:
            return self._enter(SleepPhase.DEEP if self.deep else SleepPhase.INTEGRATION)
        if self.phase is SleepPhase.DEEP:
            return self._enter(SleepPhase.INTEGRATION)
        if self.phase is SleepPhase.INTEGRATION:
            return self._enter(SleepPhase.TRANSITION)
        again = full and self.rounds < config.rounds
        return self._enter(SleepPhase.LIGHT if again else SleepPhase.AWAKE)

    def _enter(self, phase: SleepPhase) -> SleepPhase:
        self.cycles = self.cycles + 1 if phase is self.phase else 1
        self.rounds += phase is SleepPhase.LIGHT and self.cycles == 1
        self.phase = phase
        return phase

    def shares(self, amount: int) -> dict[SleepPhase, list[int]]:
        """The night's replay split over the cycles that replay, by intensity; the parts sum to ``amount``.

        >>> SleepCycle(SleepCyclesConfig(), deep=False).shares(64)[SleepPhase.LIGHT]
        [32, 32]
        """
        config = self.config
        phases = (SleepPhase.LIGHT, SleepPhase.DEEP) if self.deep else (SleepPhase.LIGHT,)
        parts = [
            (phase, config.of(phase).intensity)
            for phase in phases
            for _ in range(getattr(config, f"{phase.value}_cycles"))
            if config.of(phase).replays
        ]
        total, before, sums = sum(weight for _, weight in parts), 0, 0.0
        out: dict[SleepPhase, list[int]] = {phase: [] for phase in phases}
        for phase, weight in parts:
            sums += weight
            upto = round(amount * sums / total) if total > 0 else 0
            out[phase].append(upto - before)
            before = upto
        return out
