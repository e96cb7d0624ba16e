"""The published JSON schema of ``summary.json``."""

from __future__ import annotations

from typing import Any

_NUMBER = {"type": "number"}
_MAYBE = {"type": ["number", "null"]}
_COUNT = {"type": "integer", "minimum": 0}
_TEXT = {"type": "string"}

_FIGURES: dict[str, Any] = {
    "final_equity": _NUMBER,
    "total_return": _NUMBER,
    "annual_return": _MAYBE,
    "annual_volatility": _MAYBE,
    "sharpe": _MAYBE,
    "sortino": _MAYBE,
    "calmar": _MAYBE,
    "max_drawdown": {"type": "number", "minimum": 0, "maximum": 1},
    "turnover": {"type": "number", "minimum": 0},
    "costs": {"type": "number", "minimum": 0},
    "time_in_market": {"type": "number", "minimum": 0, "maximum": 1},
}
_FIGURES_OBJECT = {
    "type": "object",
    "properties": _FIGURES,
    "required": list(_FIGURES),
    "additionalProperties": False,
}
_BASELINES = {
    "type": "object",
    "properties": dict.fromkeys(("equal_weight", "buy_and_hold", "min_variance", "hrp"), _FIGURES_OBJECT),
    "required": ["equal_weight", "buy_and_hold", "min_variance", "hrp"],
    "additionalProperties": False,
}
_NUMBERS_BY_NAME = {"type": "object", "additionalProperties": _NUMBER}

SUMMARY_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Summary of a JANUS run",
    "type": "object",
    "properties": {
        "run_id": _TEXT,
        "instruments": {"type": "integer", "minimum": 1},
        "bars": {"type": "integer", "minimum": 1, "description": "bar times lived through, warm-up left out"},
        "start": {"type": "string", "format": "date"},
        "end": {"type": "string", "format": "date"},
        "nights": _COUNT,
        **_FIGURES,
        "baselines": _BASELINES,
        "benchmark": {"type": "string", "description": "what sharpe_diff is measured against"},
        "sharpe_diff": {
            "type": ["object", "null"],
            "description": "stationary bootstrap, 95 % interval; null when the span is too short",
            "properties": {"mean": _NUMBER, "lo": _NUMBER, "hi": _NUMBER},
            "required": ["mean", "lo", "hi"],
        },
        "deflated_sharpe_prob": _MAYBE,
        "trials": {"type": "integer", "minimum": 1},
        "parts": {
            "type": "object",
            "description": "selection period and holdout apart, on the default book",
            "additionalProperties": {
                "type": "object",
                "properties": {"janus": _FIGURES_OBJECT, "baselines": _BASELINES},
                "required": ["janus", "baselines"],
            },
        },
        "excess_return": {
            "type": "object",
            "description": "mean return over cash, a year, after and before costs",
            "properties": {"net": _NUMBER, "gross": _NUMBER},
            "required": ["net", "gross"],
        },
        "round_trips": _COUNT,
        "orders": _COUNT,
        "fills": _COUNT,
        "refused": _COUNT,
        "candidates": {
            "type": "object",
            "properties": {"accepted": _COUNT, "rejected": _COUNT},
            "required": ["accepted", "rejected"],
        },
        "attribution": {
            "type": "object",
            "properties": {
                "instruments": {"type": "object", "additionalProperties": _NUMBERS_BY_NAME},
                "sources": _NUMBERS_BY_NAME,
            },
            "required": ["instruments", "sources"],
        },
        "source_weights": _NUMBERS_BY_NAME,
        "inactive_sources": {"type": "array", "items": _TEXT},
        "seed": _COUNT,
        "world": {"type": "string", "pattern": "^(real|shuffled|leaked|bootstrap|simulated:.+)$"},
        "decision_chain": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        "config_fingerprint": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        "environment_fingerprint": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        "data_fingerprint": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        "schema_hash": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        "quarantined": {"type": "object", "additionalProperties": _COUNT},
        "survivorship_note": _TEXT,
        "notes": {"type": "array", "items": _TEXT},
        "step_ms": {
            "type": "object",
            "properties": {"p50": _NUMBER, "p99": _NUMBER},
            "required": ["p50", "p99"],
        },
        "steps_per_s": _NUMBER,
        "peak_rss_mb": _NUMBER,
        "wall_s": _NUMBER,
    },
    "additionalProperties": False,
}
SUMMARY_SCHEMA["required"] = list(SUMMARY_SCHEMA["properties"])
