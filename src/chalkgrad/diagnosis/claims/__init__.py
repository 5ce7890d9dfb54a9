"""Claimed numbers: read as people and files write them, and compared with the computed ones."""
