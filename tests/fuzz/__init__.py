"""The server under nonsense: arguments, lines and handshakes that nobody would write."""
