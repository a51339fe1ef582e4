"""Pure functions of a report to text, one writer a file; text from outside passes `border`."""
