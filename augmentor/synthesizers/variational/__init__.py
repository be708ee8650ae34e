"""A variational autoencoder with labels."""
