"""Statistics of a shadow test: how large it must be, and what two arms show. No money, no logs."""
