"""The command line: parse, call, show. Nothing is computed here that Python users cannot call."""
