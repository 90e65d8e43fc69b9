"""What support needs to know of an installation, without a secret."""
