"""Gates: what a project does not want to pay, or not to know, as limits. One file per kind."""
