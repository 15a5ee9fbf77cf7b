"""The program: command line, wiring, the processes. Imports every room; no room imports it."""
