"""Channels and outside systems: one folder each, registered in ``connectors/registry.py`` by one line."""
