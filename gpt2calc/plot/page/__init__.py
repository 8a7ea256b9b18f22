"""The source article done again with exact numbers, as a page."""
