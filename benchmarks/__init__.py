"""Speed and quality, each beside a peer where there is one. `make bench` runs them all."""
