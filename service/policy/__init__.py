"""The law: read from Polar files, asked through oso, combined into decisions. Knows no store."""
