"""``toolgrove store``."""
