"""Gates: what a project does not want to pay, or not know, as limits with a verdict each. One file per kind."""
