"""Live sources: an interface's packets to records, and records to capture files; nothing interpreted. Floor 1.

`interfaces` lists what there is, `filter` has libpcap compile an expression, `packet_socket` and `ring` are the kernel's side,
`frames` walks a block of the ring, `tap` is all of that as one source; `encode` and `files` write, `recorder` keeps both going.
"""
