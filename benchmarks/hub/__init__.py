"""Tasks over the hub: sampled from its type graph, with ground truth, at I1, I2 and I3."""
