"""Resolvers: from a field's value to what it means. Each field's resolver is a file of its own."""

from nlu.resolve.resolver import Resolver

__all__ = ["Resolver"]
