"""The command line: parses, calls, shows. Everything it computes is callable from Python, too."""
