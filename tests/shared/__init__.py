"""What tests of several rooms build, start and compare with."""
