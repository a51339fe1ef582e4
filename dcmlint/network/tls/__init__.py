"""TLS: contexts, and a scan of what a server accepts (both need ``cryptography``)."""
