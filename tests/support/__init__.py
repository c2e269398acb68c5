"""What tests of several folders share, where a fixture would not do."""
