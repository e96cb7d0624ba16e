"""Probabilistic forecasts of the next bar by trained networks, beside a volatility baseline."""
