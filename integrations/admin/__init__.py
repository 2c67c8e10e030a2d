"""The stock Django admin for staff: every model, read-only where a workflow exists."""
