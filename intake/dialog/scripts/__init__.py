"""Dialogs as YAML."""
