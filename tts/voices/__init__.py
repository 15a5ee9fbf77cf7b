"""The voices of the engine, a file each; where they come from: README.md."""
