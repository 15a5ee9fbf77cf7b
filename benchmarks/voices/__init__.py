"""The scripted callers' voices, for the benchmark that hears them."""
