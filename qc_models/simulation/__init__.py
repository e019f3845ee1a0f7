"""Phantoms written as real DICOM studies, and defects of known strength put into any study."""
