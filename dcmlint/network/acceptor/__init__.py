"""The acceptor: C-ECHO and C-STORE from whoever calls, data sets straight to files."""
