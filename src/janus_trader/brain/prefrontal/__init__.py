"""Prefrontal cortex: one rulebook between every wish and the market.

Biology. The prefrontal cortex holds rules in mind and inhibits actions that break them, however strong
the drive behind them.

Mechanism. Every `Rule` gives a crisp verdict (what may be sent), a fuzzy truth (product real logic, for
training) and a bound; the bounds of all rules form an `Envelope`, and a target is moved into it by
shrinking weights only. The whole rulebook's satisfaction is the p-mean-error ∀ over its rules.

Beside it ten market axioms, written in the rule language of `janus_trader.learning.logic`, say what choices make
sense under what facts: `MarketLogic` is the logical loss of the policy's training, `LogicMonitor` reports how far
each decision satisfies them. `GoalBook` follows what is wanted of the book.

Deliberate departures. Run time and training share one family of operators (product); the p-mean of
*errors* stands for ∀, because the p-mean of truths tends to the maximum and would fail open. Axioms judge
and never forbid; goals change nothing unless they are given an effect. Rules
never forbid closing a position that can be traded. The cap on new exposure stands for a turnover limit,
which would otherwise hold back exits.
"""

from janus_trader.brain.prefrontal.axioms import MarketLogic, MarketLogicConfig
from janus_trader.brain.prefrontal.config import PrefrontalConfig
from janus_trader.brain.prefrontal.constraints import Constraints, ConstraintsConfig
from janus_trader.brain.prefrontal.goals import GoalBook, GoalsConfig
from janus_trader.brain.prefrontal.logic_monitor import LogicMonitor, LogicMonitorConfig
from janus_trader.brain.prefrontal.review import Prefrontal
from janus_trader.brain.prefrontal.rule import Rule, Situation
from janus_trader.brain.prefrontal.rules import RULEBOOK

__all__ = [
    "RULEBOOK",
    "Constraints",
    "ConstraintsConfig",
    "GoalBook",
    "GoalsConfig",
    "LogicMonitor",
    "LogicMonitorConfig",
    "MarketLogic",
    "MarketLogicConfig",
    "Prefrontal",
    "PrefrontalConfig",
    "Rule",
    "Situation",
]
