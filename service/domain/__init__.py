"""The facts and what can be said of them. No clock, no files, no network, no Polar, no Flask."""
