"""One module per file format, plus what they share: rows, problems, sources, encodings."""
