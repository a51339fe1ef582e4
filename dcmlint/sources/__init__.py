"""Where instances come from: files, folders, archives, standard input."""
