"""``toolgrove serve``."""
