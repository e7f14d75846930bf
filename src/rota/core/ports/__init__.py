"""The protocols between the rules and the world, one a file, with what crosses them."""
