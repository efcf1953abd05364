"""The viewer: a run as one page that draws its trees, from a file or live."""
