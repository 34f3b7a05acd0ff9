"""One file per area; each holds groups, see ../dsl.py."""
