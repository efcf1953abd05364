"""Public conformance kits."""
