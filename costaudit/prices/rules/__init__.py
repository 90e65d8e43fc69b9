"""The rules that price tables must keep: one file per family, one object per rule."""
