"""Stand-ins for Shopify and Klaviyo: real HTTP servers that remember what they were told."""
