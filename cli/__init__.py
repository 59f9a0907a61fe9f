"""The command line: the composition roots of all processes, and the tools around them."""
