"""Leaf hashes, Merkle trees and Run chains over leaves already read. Pure."""
