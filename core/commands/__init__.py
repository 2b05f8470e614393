"""The commands of `tagloom`, a file per part of the work: each brings its options and its function."""
