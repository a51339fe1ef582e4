"""dcmlint: a DICOM conformance validator and linter."""

__version__ = "0.1.0"
