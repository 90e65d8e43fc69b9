"""What gateways charge: markups, fixed fees, break-even volumes, commitments."""
