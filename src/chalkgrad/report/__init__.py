"""What a test found, in numbers and in pictures."""
