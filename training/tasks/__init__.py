"""What each model learns from: examples with their targets, and how they are changed while it learns."""
