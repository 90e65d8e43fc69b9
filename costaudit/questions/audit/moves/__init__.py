"""Prices that move: supposed ones, those of the next quarter, and what hangs on which."""
