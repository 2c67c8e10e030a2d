"""A made-up shop: its people, its goods, and what happens in it."""
