"""Programs and the versions of their settings."""
