"""An adult's body as analytic shapes, region by region."""
