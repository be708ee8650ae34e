"""Methods that learn to make samples, and the synthesizer that fits, samples and saves any of them."""
