"""The engines that run a program."""
