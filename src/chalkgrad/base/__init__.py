"""The ground floor: errors, checks of settings and arrays, digits, text, messages, addresses."""
