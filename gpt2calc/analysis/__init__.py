"""What-if questions: how models differ, whole ranges, wanted sizes, strange numbers."""
