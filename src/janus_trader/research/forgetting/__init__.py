"""How much of what was learned of one regime is lost by learning another, with replay and without."""

from janus_trader.research.forgetting.study import ForgettingRequest, forgetting_study

__all__ = ["ForgettingRequest", "forgetting_study"]
