"""Pixel defects of known strength for pictures and studies: each draws its chances first and then applies them."""
