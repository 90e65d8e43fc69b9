"""What is shown of an audit and of a simulation: the same blocks for every format."""
