"""The study: the lesson "Parameter distribution in GPT-2" with exact numbers, as one page."""
