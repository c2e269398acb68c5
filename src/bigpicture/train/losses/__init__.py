"""What training makes small: (restored, reference) ↦ one number, each a module of its own."""
