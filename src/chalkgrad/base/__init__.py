"""What every room uses: errors, checks of what was given, digits, text, messages, addresses."""
