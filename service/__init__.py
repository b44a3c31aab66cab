"""Watershed: authorization for account trees, stated in Polar, answered over HTTP."""

__version__ = "0.1.0"
