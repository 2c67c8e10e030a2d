"""The outside world: one room per platform. Platforms know neither each other nor the tables."""
