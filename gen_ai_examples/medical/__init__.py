"""Medical images."""
