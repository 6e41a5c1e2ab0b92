"""Conversion of patient data: what converters yield -> Bundles in a folder, and on a server if one is named."""

from adapter.screening.convert.load import REFUSED, Loaded, load_bundles
from adapter.screening.convert.run import BUNDLES, REJECTED, Conversion, Summary, convert

__all__ = ["BUNDLES", "REFUSED", "REJECTED", "Conversion", "Loaded", "Summary", "convert", "load_bundles"]
