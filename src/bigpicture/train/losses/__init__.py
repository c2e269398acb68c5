"""Training losses, a module each: (restored, reference) ↦ one number."""
