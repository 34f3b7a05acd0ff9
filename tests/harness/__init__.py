"""The small library that the server tests stand on."""
