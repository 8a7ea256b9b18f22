"""Mixers of tokens other than attention: linear attention, Mamba, convolutions."""
