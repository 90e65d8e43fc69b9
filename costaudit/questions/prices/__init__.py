"""What the price book says: models, rows, changes, a call, other tables; as answers and for the eye."""
