"""The feature schema: names, sources, units, warm-ups and meanings of version 1.0.0."""

from __future__ import annotations

from collections.abc import Sequence

from janus_trader.contracts.features import FeatureSchema, FeatureSpec, SourceSpec

SCHEMA_VERSION = "1.0.0"

#: Auxiliary sources; each is also the name of the feature that carries its last value.
VIX, CREDIT_SPREAD, YIELD_CURVE_SLOPE = "vix", "credit_spread", "yield_curve_slope"
AUXILIARY_SOURCES = (CREDIT_SPREAD, YIELD_CURVE_SLOPE, VIX)

# name, source, unit, warm-up in bars (default windows), meaning. "Normalised": see features.py.
_FEATURES: tuple[tuple[str, str, str, int, str], ...] = (
    ("trailing_return", "market", "fraction", 43, "normalised market return over 21 bars"),
    ("realised_vol", "market", "fraction/year", 43, "normalised volatility over 21 bars, times sqrt(252)"),
    ("average_correlation", "book", "[-1, 1]", 43, "mean pairwise correlation, half-life 21 bars"),
    ("max_drawdown", "market", "[0, 1]", 43, "deepest normalised drawdown within 63 bars"),
    ("vol_rate_of_change", "market", "fraction", 48, "realised_vol over its value 5 bars before, less 1"),
    ("momentum", "market", "[-1, 1]", 43, "tanh of half the 63-bar normalised return in its own sigmas"),
    ("mean_reversion", "market", "[-1, 1]", 43, "minus tanh of half the z-score of the level in 21 bars"),
    (CREDIT_SPREAD, CREDIT_SPREAD, "fraction", 0, "Baa less Aaa yield, last published month"),
    (YIELD_CURVE_SLOPE, YIELD_CURVE_SLOPE, "fraction", 0, "10-year less 2-year yield"),
    ("relative_volume", "market_volume", "ratio", 22, "market volume over its mean of the 63 bars before"),
    ("market_return", "market", "fraction", 2, "raw simple return of the market over one bar"),
    ("market_zscore", "market", "sigmas", 23, "market_return over its earlier volatility, half-life 21"),
    (VIX, VIX, "index points", 0, "last known VIX"),
    ("dispersion", "book", "ratio", 43, "cross-sectional deviation of returns in own sigmas, half-life 5"),
    ("cross_skew", "book", "none", 43, "cross-sectional skewness of returns in own sigmas, half-life 5"),
    ("variance_ratio", "market", "ratio", 274, "variance ratio of normalised returns, 5 against 1 bar"),
    ("hurst", "market", "none", 274, "DFA exponent of normalised returns; 0.5 is a random walk"),
    ("tail_index", "market", "none", 274, "Hill tail index of absolute normalised returns"),
)

FEATURE_NAMES: tuple[str, ...] = tuple(row[0] for row in _FEATURES)


def feature_schema(sources: Sequence[SourceSpec]) -> FeatureSchema:
    """The schema of every panel; a feature whose source is not among ``sources`` is never present.

    >>> feature_schema(()).version, len(feature_schema(()).names)
    ('1.0.0', 18)
    """
    features = tuple(
        FeatureSpec(name=name, source=source, unit=unit, warmup=warmup, meaning=meaning)
        for name, source, unit, warmup, meaning in _FEATURES
    )
    return FeatureSchema(version=SCHEMA_VERSION, features=features, sources=tuple(sources))
