"""What can be taken away from the whole, or added to it: ten regions, and single mechanisms by configuration.

An entry is nothing but settings (``key=value``, as ``janus run --set`` takes them): adding one is one line
in `MECHANISMS`. Learners need none: every learner that the brain has can be frozen, by
``freeze:<learner>``.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from janus_trader.brain.integration.brain import REGIONS, Book, Brain
from janus_trader.contracts.errors import ConfigError
from janus_trader.contracts.market import Field
from janus_trader.foundation.config import build, parse_setting
from janus_trader.runs.memory_store import own_memory
from janus_trader.runs.settings import LifeConfig
from janus_trader.strategies.catalogue import default_strategies
from janus_trader.strategies.panel import StrategyPanel

FREEZE = "freeze:"


@dataclass(frozen=True)
class Variant:
    """One configuration beside the whole.

    Attributes
    ----------
    name : str
    kind : ``region`` or ``mechanism``
    meaning : what the settings do
    settings : ``key=value`` over the configuration of the whole
    adds : bool
        The settings switch something on that the whole does not have. What is judged is always *with* it
        against *without* it.
    """

    name: str
    kind: str
    meaning: str
    settings: tuple[str, ...]
    adds: bool = False


def _mechanism(name: str, meaning: str, *settings: str, adds: bool = False) -> Variant:
    return Variant(name, "mechanism", meaning, settings, adds)


#: Mechanisms by name. ``adds=True`` marks those that are off by default.
MECHANISMS: dict[str, Variant] = {
    v.name: v
    for v in (
        _mechanism("learning", "no night learns anything", "sleep.enabled=false"),
        _mechanism("emotion_in_replay", "replay by error alone", "brain.hippocampus.replay.emotion=0.0"),
        _mechanism("prioritised_replay", "every episode as likely", "brain.hippocampus.replay.alpha=0.0"),
        _mechanism("ripples", "no sequence is told around a ripple", "sleep.ripple_share=0.0"),
        _mechanism("policy", "no policy network", 'brain.basal_ganglia.policy.kind="off"'),
        _mechanism(
            "axioms", "the policy learns from payoffs alone", "brain.basal_ganglia.policy.logic.weight=0.0"
        ),
        _mechanism("habit", "every choice is made anew", "brain.basal_ganglia.policy.habit.enabled=false"),
        _mechanism(
            "homeostasis",
            "vital signs are not brought back to their ranges",
            "brain.hypothalamus.appetite.homeostasis.most=0.0",
        ),
        _mechanism("texture", "the eye's texture is no evidence", "brain.thalamus.visual_strength=0.0"),
        _mechanism(
            "double_dqn",
            "the policy is a double deep Q-network",
            'brain.basal_ganglia.policy.kind="double_dqn"',
            adds=True,
        ),
        _mechanism(
            "recollection", "days like this drive no choice", "brain.basal_ganglia.recollection_drive=0.0"
        ),
        _mechanism(
            "gaf_vision",
            "a network looks at videos of Gramian fields (extra ml)",
            'brain.visual_cortex.model="diffgaf_lstm"',
            "brain.basal_ganglia.visual_drive=0.03",
            adds=True,
        ),
        _mechanism(
            "wilson_cowan",
            "gates open in turns",
            "brain.thalamus.oscillation.enabled=true",
            adds=True,
        ),
        _mechanism(
            "attention",
            "gates by cross-attention (extra ml)",
            "brain.thalamus.attention.enabled=true",
            adds=True,
        ),
        _mechanism(
            "hierarchy",
            "a feudal manager sets goals, a worker follows (extra ml)",
            "brain.cortex.manager.enabled=true",
            "brain.worker.enabled=true",
            adds=True,
        ),
    )
}


def region_variants(names: Sequence[str] = REGIONS) -> list[Variant]:
    """The whole with each of the named regions replaced by its neutral form.

    Raises
    ------
    ConfigError
        A name is not a region.
    """
    for name in names:
        if name not in REGIONS:
            raise _unknown("region", name, REGIONS)
    return [
        Variant(name, "region", "its neutral form in its place", (f'brain.neutral=["{name}"]',))
        for name in dict.fromkeys(names)
    ]


def mechanism_names(config: LifeConfig) -> list[str]:
    """Every mechanism that can be asked for: the catalogue, then every learner of the brain, frozen."""
    return [*MECHANISMS, *(FREEZE + name for name in learner_names(config))]


def mechanism_variants(names: Sequence[str], config: LifeConfig) -> list[Variant]:
    """The named mechanisms; ``all`` stands for every one.

    Raises
    ------
    ConfigError
        A name is not in the catalogue and no learner.
    """
    known = mechanism_names(config) if names else []
    asked = known if list(names) == ["all"] else list(dict.fromkeys(names))
    found = []
    for name in asked:
        if name not in known:
            raise _unknown("mechanism", name, known)
        if name in MECHANISMS:
            found.append(MECHANISMS[name])
        else:
            learner = name.removeprefix(FREEZE)
            meaning = f"{learner} stays as it was at the start"
            found.append(_mechanism(name, meaning, f'brain.frozen_learners=["{learner}"]'))
    return found


def learner_names(config: LifeConfig) -> list[str]:
    """Names of everything that a night may train, in the brain's order."""
    definitions = default_strategies(config.strategies)
    strategies = StrategyPanel(definitions, 2, fields=frozenset(Field), bar_seconds=86_400.0, n_external=0)
    brain = Brain(config.brain, Book(("A", "B"), frozenset(Field), 252.0), strategies, own_memory(config))
    return [learner.name for learner in brain.learners()]


def variant_config(config: LifeConfig, variant: Variant | None) -> LifeConfig:
    """The configuration of a variant; None is the whole. Lists of regions and learners are added to.

    Raises
    ------
    ConfigError
        A key or value is not allowed.
    """
    if variant is None:
        return config
    layers = [msgspec.to_builtins(config), *(parse_setting(text) for text in variant.settings)]
    try:
        changed = build(type(config), layers)
    except ConfigError as error:
        raise ConfigError(
            f"{variant.kind} {variant.name} cannot be switched: {error.what}",
            got=error.got,
            expected=error.expected,
            remedy=error.remedy,
        ) from error
    brain = changed.brain
    for key in ("neutral", "frozen_learners"):
        both = dict.fromkeys((*getattr(config.brain, key), *getattr(brain, key)))
        brain = msgspec.structs.replace(brain, **{key: tuple(both)})
    return msgspec.structs.replace(changed, brain=brain)


def _unknown(kind: str, name: str, known: Sequence[str]) -> ConfigError:
    near = difflib.get_close_matches(name, known, n=1)
    return ConfigError(
        f"no {kind} {name!r}",
        got=name,
        expected="one of " + ", ".join(known),
        remedy=f"did you mean {near[0]}?" if near else None,
    )
