"""Networks for one, two and three spatial dimensions."""
