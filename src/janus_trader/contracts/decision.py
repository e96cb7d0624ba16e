"""What each region says, and the decision they make together.

Arrays are numpy arrays in memory; `janus_trader.foundation.codec` writes them as bytes with dtype
and shape. ``n`` is the number of instruments, ``k`` the number of signal sources.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

import msgspec
import numpy as np

from janus_trader.contracts.message import Message
from janus_trader.contracts.regime import RegimeState


def _nothing() -> np.ndarray:
    return np.empty(0)


class Posture(IntEnum):
    """Risk posture, ordered from free to forbidden."""

    NORMAL = 0  # trade freely within the rules
    REDUCE = 1  # smaller targets
    FREEZE = 2  # no position may grow; exits allowed
    SAFE = 3  # halve every position, no new risk
    HALT = 4  # exits only


class Severity(IntEnum):
    """Threat level of the amygdala."""

    NONE = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


class Appetite(Message, frozen=True):
    """One risk scalar and the factors it is the product of, each in [0, 1.5]."""

    scalar: float
    regime_factor: float
    drawdown_factor: float
    volatility_factor: float
    kelly_factor: float
    energy_factor: float
    target_volatility: float


class Threat(Message, frozen=True):
    """Anomaly score in [0, 1], severity, the posture it asks for and what each detector said."""

    score: float
    severity: Severity
    posture: Posture
    fear: float
    detectors: dict[str, float]


class VisualPercept(Message, frozen=True):
    """Texture of the recent price path of each instrument, read off its Gramian angular fields.

    ``trend`` and ``reversal`` are (n,) in [-1, 1]; ``texture`` is (n, d) of bounded statistics;
    ``ready`` is (n,) bool. ``outlook`` is (n,) in [-1, 1], the direction a trained vision model expects, and
    ``embedding`` (n, e) what it sees; both are empty where no model looks. ``model`` names what looked.
    """

    trend: np.ndarray
    reversal: np.ndarray
    texture: np.ndarray
    ready: np.ndarray
    outlook: np.ndarray = msgspec.field(default_factory=_nothing)
    embedding: np.ndarray = msgspec.field(default_factory=_nothing)
    model: str = "texture"


class SignalPanel(Message, frozen=True):
    """What every source wants for every instrument.

    ``values`` is (k, n) in [-1, 1]: direction times conviction; ``active`` is (k,) bool: whether the
    data at hand can carry the source; ``names`` has length k.
    """

    names: tuple[str, ...]
    values: np.ndarray
    active: np.ndarray


class Percept(Message, frozen=True):
    """The gated view of the moment.

    ``gates`` maps a modality to its gate in [0, 1] (0 where missing); ``context`` is a fixed-length
    vector in [-1, 1] that summarises the moment for memory and action selection; ``evidence`` is
    (n,) gated directional evidence of the senses that are not strategies; ``source_gates`` is (k,).
    ``features`` is (n, f), one row of `janus_trader.contracts.features.INSTRUMENT_FEATURES` per
    instrument, all zero where an instrument is not ready; ``saliency`` says how much each modality stood
    out, in [0, 1].
    """

    regime: RegimeState
    gates: dict[str, float]
    context: np.ndarray
    evidence: np.ndarray
    source_gates: np.ndarray
    features: np.ndarray = msgspec.field(default_factory=_nothing)
    saliency: dict[str, float] = msgspec.field(default_factory=dict)


class Recollection(Message, frozen=True):
    """Days like this one, and how they ended.

    Most similar first, all (m,): ``steps`` and ``ts_events`` (int64) of the decisions remembered,
    ``similarity`` in [-1, 1], ``rewards`` as the book's return after each. ``outlook`` is (n,) in [-1, 1]: the
    similarity-weighted payoff of each instrument, shrunk by how few and how discordant the memories are.
    ``reward`` is the expected return of the book in usual deviations, ``confidence`` in [0, 1] how far to
    trust all this. Nothing remembered: empty arrays, outlook 0, confidence 0.
    """

    steps: np.ndarray
    ts_events: np.ndarray
    similarity: np.ndarray
    rewards: np.ndarray
    outlook: np.ndarray
    reward: float
    confidence: float


class Goal(Message, frozen=True):
    """What the manager asks the worker for: a unit direction (d,) in latent space, set ``age`` bars ago for
    ``horizon`` bars, and the intrinsic reward earned towards it so far."""

    direction: np.ndarray
    age: int
    horizon: int
    intrinsic: float = 0.0


class LogicReport(Message, frozen=True):
    """How far each market axiom holds for the action chosen (mean truth over the book, in [0, 1]), how far the
    knowledge base as a whole does, and which axioms lie below their tolerance."""

    truths: dict[str, float]
    satisfaction: float
    violated: tuple[str, ...] = ()


class Correlation(Message, frozen=True):
    """Covariance of one-bar returns (n, n), its correlation, the mean off-diagonal correlation and
    how far it moved against its slow mean (``breakdown``, in [0, 1])."""

    covariance: np.ndarray
    average: float
    breakdown: float
    ready: bool


class NoGoReason(StrEnum):
    """The twelve reasons of the indirect pathway, in order of weight."""

    EXTERNAL_HALT = "external_halt"
    LOSS_LIMIT = "loss_limit"
    DRAWDOWN_PROTECTION = "drawdown_protection"
    RISK_THRESHOLD = "risk_threshold"
    POSITION_LIMIT = "position_limit"
    HIGH_VOLATILITY = "high_volatility"
    LOW_LIQUIDITY = "low_liquidity"
    CORRELATION_RISK = "correlation_risk"
    LEARNED_PATTERN = "learned_pattern"
    CUSTOM = "custom"
    COOLING_OFF = "cooling_off"
    TIME_RESTRICTION = "time_restriction"


class Action(Message, frozen=True):
    """What the basal ganglia released.

    ``score`` is (n,) in [-1, 1]; ``go`` and ``no_go`` are (n,) pathway activations; ``source_weights``
    is (k,) in [-1, 1] (negative: the source is faded); ``released`` is (n,) bool; ``no_go_reasons``
    maps an instrument's index (as text) to the reasons that held it back; ``vetoes`` apply to all.
    ``dopamine`` is the modulation rho in [-1, 1]. ``policy`` is (n, 3): probabilities of short, flat and long by
    the learned policy (empty where none is trained), ``policy_weight`` in [0, 1] how much it counts,
    ``confidence`` (n,) how sure the winner is, ``habit`` (n,) bool where the choice came from habit.
    """

    score: np.ndarray
    go: np.ndarray
    no_go: np.ndarray
    source_weights: np.ndarray
    released: np.ndarray
    no_go_reasons: dict[str, tuple[NoGoReason, ...]]
    vetoes: tuple[NoGoReason, ...]
    dopamine: float
    policy: np.ndarray = msgspec.field(default_factory=_nothing)
    policy_weight: float = 0.0
    confidence: np.ndarray = msgspec.field(default_factory=_nothing)
    habit: np.ndarray = msgspec.field(default_factory=_nothing)


class Target(Message, frozen=True):
    """Desired weights (n,) before review, and how the allocator got there."""

    weights: np.ndarray
    method: str
    expected_volatility: float


class RuleVerdict(Message, frozen=True):
    """One rule's word: crisp (``passed``) and fuzzy (``truth`` in [0, 1]), with a reason."""

    rule: str
    passed: bool
    truth: float
    detail: str = ""


class Verdict(Message, frozen=True):
    """The review: the weights that may be sent, and what every rule said. ``allowed`` is (n,)."""

    allowed: np.ndarray
    rules: tuple[RuleVerdict, ...]
    changed: bool


class Forecast(Message, frozen=True):
    """Expected cost of the trade in basis points per instrument (n,), in currency over the whole
    book (``total``), and the correction in force."""

    cost_bps: np.ndarray
    total: float
    correction: float


class Decision(Message, frozen=True):
    """One decision over the whole book, with everything that led to it.

    ``parameters`` is the fingerprint of the learned parameters in force; ``stood_down`` says that a halt
    replaced the target by "no position".
    """

    ts_event: int
    step: int
    regime: RegimeState
    appetite: Appetite
    threat: Threat
    percept: Percept
    signals: SignalPanel
    correlation_average: float
    action: Action
    target: Target
    verdict: Verdict
    forecast: Forecast
    portfolio_equity: float
    parameters: str  # fingerprint of the learned parameters in force
    stood_down: bool = False
    recollection: Recollection | None = None
    goal: Goal | None = None
    logic: LogicReport | None = None
    goals: str = ""  # where the goals of the book stand, in words

    @property
    def weights(self) -> np.ndarray:
        """The weights that may be sent, (n,)."""
        return self.verdict.allowed
