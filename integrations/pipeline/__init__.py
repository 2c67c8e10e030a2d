"""The order of events: one public verb per use case, short transactions, none across HTTP."""
