"""Where studies are examined: in this process, or by Ray."""
