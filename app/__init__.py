"""The program: command line, wiring, the processes. Imports every room; no room imports it."""

import os

# Matrices are small here, and there are as many processes as cores: threads of one would only wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
