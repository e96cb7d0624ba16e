"""The second process of ``janus warm``; the first, and both together, run before every `make test`."""

from janus_trader.cli.warm_command import compile_what_a_life_reaches_last
from janus_trader.portfolio import mean_variance
from janus_trader.research.backtest import loops
from janus_trader.simulation.book_market import engine


def test_solver_back_tests_and_book_markets_are_compiled():
    compile_what_a_life_reaches_last()
    for kernel in (mean_variance._check_and_solve, loops.run_exposures, engine.advance):
        assert kernel.signatures, kernel
