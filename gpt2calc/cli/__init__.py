"""The commands of ``gpt2calc``, one thin function each."""
