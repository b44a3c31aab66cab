"""Who can, what can, and where: lists that say exactly what single decisions say."""
