"""Translation between classes by an adversarial game (StarGAN, CycleGAN)."""
