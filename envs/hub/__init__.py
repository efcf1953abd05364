"""The hub in a box: real APIs on real data, offline and deterministic."""
