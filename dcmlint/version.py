"""The version of dcmlint."""

__version__ = "0.1.0"
