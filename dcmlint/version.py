"""The version of dcmlint."""

__version__ = "0.2.0"
