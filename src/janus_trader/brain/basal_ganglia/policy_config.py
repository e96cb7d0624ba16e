"""Configuration of the learned policy."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from janus_trader.brain.basal_ganglia.actor_critic import ActorCriticConfig
from janus_trader.brain.basal_ganglia.double_dqn import DoubleDqnConfig
from janus_trader.brain.basal_ganglia.network import OptimiserConfig
from janus_trader.foundation.config import Config, Count, Fraction, NonNegative, Positive

_OPTIMISER = OptimiserConfig(rate=3e-4, decay=0.1)


class LogicConfig(Config, frozen=True):
    """The logical part of the loss, α·task + (1 − α)·λ·(1 − SAT) (specification eq. 23).

    α falls in steps as training goes on: the axioms guide an experienced policy more than a new one.
    """

    weight: Annotated[NonNegative, Meta(description="λ; 0 leaves the axioms out")] = 0.1
    shares: Annotated[tuple[Fraction, ...], Meta(min_length=3, max_length=3, description="α by stage")] = (
        0.8,
        0.5,
        0.3,
    )
    stages: Annotated[
        tuple[Count, ...], Meta(min_length=2, max_length=2, description="epochs of the steps")
    ] = (
        21,
        61,
    )
    nights_per_epoch: Annotated[Count, Meta(description="nights that count as an epoch")] = 21

    def share(self, nights: int) -> float:
        """α after so many nights of training.

        >>> [LogicConfig().share(n * 21) for n in (0, 20, 21, 60, 61)]
        [0.8, 0.8, 0.5, 0.5, 0.3]
        """
        epoch = nights // self.nights_per_epoch
        return self.shares[(epoch >= self.stages[0]) + (epoch >= self.stages[1])]


class TrustConfig(Config, frozen=True):
    """How much evidence makes the policy count how much."""

    against: Literal["book", "nothing"] = "book"
    full: Annotated[Positive, Meta(description="t statistic at which it counts fully")] = 3.0
    prior_bars: Annotated[NonNegative, Meta(description="bars judged at which half is believed")] = 250.0
    min_bars: Annotated[Count, Meta(description="bars judged before it counts at all")] = 21
    memory: Annotated[Positive, Meta(description="bars the judgement remembers")] = 1000.0
    highest: Annotated[Fraction, Meta(description="largest weight of the policy")] = 1.0


class HabitConfig(Config, frozen=True):
    """When a choice is made from habit."""

    enabled: bool = True
    capacity: Annotated[int, Meta(ge=16, le=65536, description="states remembered")] = 512
    visits: Annotated[Count, Meta(description="meetings before a state is familiar")] = 3
    bars: Annotated[Count, Meta(description="bars a choice is reused before it is made anew")] = 5


class PolicyConfig(Config, frozen=True):
    """The learned policy: which learners, their networks, what they are paid, how they count.

    ``blend`` trains both learners and weighs their probabilities by their evidence.
    """

    kind: Literal["actor_critic", "double_dqn", "blend", "off"] = "actor_critic"
    hidden: Annotated[tuple[Count, ...], Meta(min_length=1, description="hidden layers")] = (24,)
    seed: Annotated[int, Meta(ge=0, description="seed of the first weights")] = 20260301
    actor_critic: ActorCriticConfig = ActorCriticConfig(
        gamma=0.9, lam=0.9, entropy=0.05, critic=0.1, optimiser=_OPTIMISER
    )
    double_dqn: DoubleDqnConfig = DoubleDqnConfig(gamma=0.9, optimiser=_OPTIMISER)
    temperature: Annotated[Positive, Meta(description="of the softmax over double-DQN values")] = 0.05
    cost: Annotated[NonNegative, Meta(description="price of one unit of position, in volatilities")] = 0.05
    payoff_clip: Annotated[Positive, Meta(description="bound of one payoff, in volatilities")] = 3.0
    rows: Annotated[Count, Meta(description="rows of a gradient step")] = 256
    share: Annotated[Fraction, Meta(description="rows of a night's replay that are trained on")] = 0.15
    steps: Annotated[Count, Meta(description="most gradient steps a night")] = 12
    score_risk: Annotated[NonNegative, Meta(description="aversion to the variance of a judged book")] = 0.2
    drive: Annotated[NonNegative, Meta(description="drive of a sure and fully trusted policy")] = 0.03
    inhibition: Annotated[
        Fraction, Meta(description="lateral inhibition of a choice by the two others; ½ makes doubt neutral")
    ] = 0.5
    logic: LogicConfig = LogicConfig()
    trust: TrustConfig = TrustConfig()
    habit: HabitConfig = HabitConfig()
