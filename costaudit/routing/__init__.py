"""What if: policies, candidates, scenarios and the projection."""
