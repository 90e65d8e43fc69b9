"""A test of a cheaper model beside the current one: how large it must be, and what its arms show."""
