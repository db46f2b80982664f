"""Files from people: looked at, and kept only as our own programs write them anew."""
