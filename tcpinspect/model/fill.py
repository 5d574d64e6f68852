"""Columns of the segments' frame that stand in no array of the engine: ports, directions and flags. Floor 3; compiled."""

import cython


def ends(stream, side, ports, clients, src_port, dst_port, from_client):
    """Fill in the ports of both ends, and whether the client sent it. `ports`, `clients`: by 2 × stream + side (`model.endpoints`)."""
    n: cython.longlong
    end: cython.longlong
    streams: cython.const[cython.longlong][::1] = stream
    sides: cython.const[cython.uchar][::1] = side
    port: cython.const[cython.longlong][::1] = ports
    client: cython.const[cython.longlong][::1] = clients
    sources: cython.longlong[::1] = src_port
    targets: cython.longlong[::1] = dst_port
    directions: cython.uchar[::1] = from_client
    for n in range(len(streams)):
        end = 2 * streams[n] + sides[n]
        sources[n] = port[end]
        targets[n] = port[end ^ 1]
        directions[n] = client[end]


def bits(words, rows):
    """Spread words over rows of octets that are zero: row k has a 1 where the word has its bit k. Few words have any."""
    n: cython.longlong
    k: cython.longlong
    word: cython.longlong
    narrow: cython.const[cython.uchar][::1]
    wide: cython.const[cython.ushort][::1]
    out: cython.uchar[:, ::1] = rows
    if words.format == "B":
        narrow = words
        for n in range(len(narrow)):
            word = narrow[n]
            k = 0
            while word:
                if word & 1:
                    out[k, n] = 1
                word >>= 1
                k += 1
    else:
        wide = words
        for n in range(len(wide)):
            word = wide[n]
            k = 0
            while word:
                if word & 1:
                    out[k, n] = 1
                word >>= 1
                k += 1
