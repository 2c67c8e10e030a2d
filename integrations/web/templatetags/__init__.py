"""Words and figures for the templates."""
