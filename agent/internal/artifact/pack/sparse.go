package pack

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// Sparse files are written in GNU tar's format 1.0 for pax archives, which GNU tar, bsdtar, Python and Go read.
const (
	sparseName = "GNU.sparse.name"
	// smallestHole is the shortest hole that is worth an extent.
	smallestHole = 32 << 10
	// mostExtents bounds the map: Go's reader takes maps up to 1 MiB.
	mostExtents = 30_000
)

// extent is a piece of a file that holds data.
type extent struct{ offset, length int64 }

// extentsOf finds the data of a file. Nothing is returned for a file without holes.
func extentsOf(fd int, st *unix.Stat_t) ([]extent, error) {
	if st.Blocks*512 >= st.Size {
		return nil, nil
	}
	extents := []extent{}
	for at := int64(0); at < st.Size; {
		start, err := unix.Seek(fd, at, unix.SEEK_DATA)
		if err == unix.ENXIO { // a hole up to the end
			break
		}
		if err == unix.EINVAL && at == 0 { // a file system that does not know
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		end, err := unix.Seek(fd, start, unix.SEEK_HOLE)
		if err != nil {
			return nil, err
		}
		start, end = start&^(block-1), min((end+block-1)&^(block-1), st.Size)
		if start >= st.Size {
			break
		}
		extents = appendExtent(extents, start, end)
		at = end
	}
	if len(extents) == 1 && extents[0] == (extent{0, st.Size}) {
		return nil, nil
	}
	return extents, nil
}

// appendExtent joins pieces that are close to each other, and all that are too many.
func appendExtent(extents []extent, start, end int64) []extent {
	if n := len(extents); n > 0 {
		last := &extents[n-1]
		if start-(last.offset+last.length) < smallestHole || n == mostExtents {
			last.length = end - last.offset
			return extents
		}
	} else if start < smallestHole {
		start = 0
	}
	return append(extents, extent{start, end - start})
}

// sparseHeader turns the header of a file of size bytes into one with its map, and returns the blocks of the map.
func sparseHeader(h header, size int64, extents []extent) (header, []byte) {
	numbers := strconv.AppendInt(nil, int64(len(extents)+1), 10)
	var data int64
	for _, e := range append(extents, extent{size, 0}) { // as GNU tar ends it
		numbers = append(strconv.AppendInt(append(numbers, '\n'), e.offset, 10), '\n')
		numbers = strconv.AppendInt(numbers, e.length, 10)
		data += e.length
	}
	numbers = append(numbers, '\n')
	numbers = appendPadding(numbers, int64(len(numbers)))
	h.records = append(h.records, record{"GNU.sparse.major", "1"}, record{"GNU.sparse.minor", "0"},
		record{sparseName, h.name}, record{"GNU.sparse.realsize", strconv.FormatInt(size, 10)})
	h.name = "GNUSparseFile.0/" + shortened(h.name[lastSlash(h.name)+1:], 80)
	h.size = int64(len(numbers)) + data
	return h, numbers
}

func lastSlash(s string) int {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == '/' {
			return i
		}
	}
	return -1
}
