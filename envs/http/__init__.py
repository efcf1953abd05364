"""Live HTTP: one careful client, and the worlds that send through it."""
