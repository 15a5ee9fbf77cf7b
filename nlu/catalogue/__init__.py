"""The catalogue: device categories with their names, brands, and fault classes with their danger. Companies add their own."""

from nlu.catalogue.entries import Catalogue, Device, FaultClass, load_catalogue, shipped

__all__ = ["Catalogue", "Device", "FaultClass", "load_catalogue", "shipped"]
