"""The long-running processes. Each is a command of its own; ``hotline up`` runs them all."""
