"""What each region and mechanism contributes: lives with and without it, on the same days and seeds."""

from janus_trader.research.ablation.matrix import AblationRequest, Plan, plan_matrix, resumed_plan, run_matrix
from janus_trader.research.ablation.store import MatrixStore
from janus_trader.research.ablation.workers import Stopped

__all__ = ["AblationRequest", "MatrixStore", "Plan", "Stopped", "plan_matrix", "resumed_plan", "run_matrix"]
