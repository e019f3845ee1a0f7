"""The web process: who asks, and what is answered."""
