"""The look-ahead detector for strategies: what it finds has a bar, a field and a line of the file.

`check.check_strategy` runs the probes of `probes`; `source` reads the file for suspicious constructs and
`tracing` executes it on two histories to find the first line that gives itself away.
"""

from janus_trader.research.strategy_check.check import CheckSettings, check_strategy
from janus_trader.research.strategy_check.report import CheckReport, Kind, Violation

__all__ = ["CheckReport", "CheckSettings", "Kind", "Violation", "check_strategy"]
