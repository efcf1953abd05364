"""``toolgrove retrieve``."""
