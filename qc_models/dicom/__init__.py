"""DICOM as it comes: headers, character sets, pixel data."""
