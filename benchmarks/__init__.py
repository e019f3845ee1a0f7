"""Asks whether it is fast and right: measured figures as JSON with date and machine."""
