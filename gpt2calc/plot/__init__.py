"""Pictures, and the illustrated study."""
