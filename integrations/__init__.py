"""The application: see ARCHITECTURE.md for its rooms."""
