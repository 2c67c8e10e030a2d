"""Shopify: signatures, webhook bodies, GraphQL. Admin API 2026-10."""

API_VERSION = "2026-10"
