"""Peer from scico: its recipe for a frame beyond which nothing is assumed."""

from peers.common import Peer
from peers.scico_ import GRID, masked_total_variation

ENVIRONMENT = "scico"

PEERS = (
    Peer("scico ADMM-TV, masked", masked_total_variation, GRID, pads_itself=True, search_size=128),
)
