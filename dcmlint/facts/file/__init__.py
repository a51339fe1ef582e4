"""Facts of the file around an instance: its name, its layout, its other personalities."""
