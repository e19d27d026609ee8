"""mimc: a MIM 2016 Synchronization Service as a text file."""

__version__ = "0.1.0"
