"""Klaviyo's write side, and what must be read back. API revision 2026-07-15."""

REVISION = "2026-07-15"
