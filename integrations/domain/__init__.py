"""Plain Python: records, operations and every decision. No Django, no HTTP, no clock."""
