"""One file a step, named after its revision; `down_revision` says which step it follows."""
