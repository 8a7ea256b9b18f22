"""How results look and where they go: tables, text, formats, files, the terminal."""
