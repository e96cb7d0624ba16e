"""Feature schema: which fields exist, where they come from and when they may be used."""

from __future__ import annotations

import hashlib

import msgspec

from janus_trader.contracts.message import Message

#: Columns of the features of one instrument (``Percept.features``, ``Episode.features``), in natural units:
#: the eight of `janus_trader.numerics.dsp_vector` (divergence and alpha as scores, dimension in [1, 2], H,
#: regime and divergence sign in {-1, 0, 1}, alpha - 0.25, regime confidence >= 0), then the standardised
#: slope of a trend measured independently of the adaptive average, a noise statistic in [0, 1] that is
#: independent of H, short over long volatility minus 1, and 1 where the row is known.
INSTRUMENT_FEATURES = (
    "divergence_score",
    "alpha_score",
    "dimension",
    "hurst",
    "regime",
    "divergence_sign",
    "alpha_excess",
    "regime_confidence",
    "trend_slope",
    "noise",
    "volatility_ratio",
    "known",
)
N_INSTRUMENT_FEATURES = len(INSTRUMENT_FEATURES)


class SourceSpec(Message, frozen=True):
    """A source of data: its span and how long after an observation it may be used.

    ``availability_lag_ns`` is added to the observation's own time stamp (for a monthly average
    stamped at the start of its month: the length of that month plus the publication delay).
    """

    name: str
    start_ns: int
    end_ns: int
    availability_lag_ns: int
    licence: str = ""
    note: str = ""


class FeatureSpec(Message, frozen=True):
    """One named feature: its source, unit, warm-up in bars and what it means."""

    name: str
    source: str
    unit: str
    warmup: int
    meaning: str


class FeatureSchema(Message, frozen=True):
    """The versioned list of features a run uses. Its hash enters every manifest."""

    version: str
    features: tuple[FeatureSpec, ...]
    sources: tuple[SourceSpec, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features, in order."""
        return tuple(f.name for f in self.features)

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON of the schema, in hex."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()


class FeatureVector(Message, frozen=True):
    """Values of the features that are present; an absent feature has no key.

    >>> v = FeatureVector(ts_event=0, values={"realised_vol": 0.15})
    >>> v.get("credit_spread") is None
    True
    """

    ts_event: int
    values: dict[str, float]

    def get(self, name: str) -> float | None:
        """The value, or None where the feature is absent."""
        return self.values.get(name)
