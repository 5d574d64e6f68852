"""A real kernel's TCP as one end of a wire, in a private namespace, and what that kernel says about its states."""
