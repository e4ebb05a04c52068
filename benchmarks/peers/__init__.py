"""The programs that others are measured with; each runs in an environment of its own, with the peer alone."""
