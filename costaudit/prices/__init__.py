"""The price book: dated prices as data, names resolved against them, calls priced with them."""
