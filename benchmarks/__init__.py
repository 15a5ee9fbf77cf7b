"""Speed and quality, each beside a peer where there is one. `make bench` runs them all."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the program itself does (app/__init__.py)
