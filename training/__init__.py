"""Teaches quality: recipes that turn labels into model bundles."""
