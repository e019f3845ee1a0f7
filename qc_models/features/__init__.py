"""What several image checks need of the same frames: masks, masked statistics, spectra, lines, curves along a stack."""
