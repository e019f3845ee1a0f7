"""The checks: one folder a dimension, one file a check; a check measures and never judges."""
