"""The command line: one file a command, with its help, its arguments and its run.

A command's file loads quickly, without NumPy, so that --help does. Its `run` imports what the command works with.
"""
