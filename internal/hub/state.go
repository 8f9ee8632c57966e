package hub

import (
	"encoding/json"
	"os"

	"weft/internal/atomicfile"
)

// state is what has arrived of a file, kept beside it so that a later process
// goes on. It never claims bytes that have not reached the disk.
type state struct {
	From     string  `json:"from"` // the file's identity: what the parts are parts of
	Size     int64   `json:"size"` // -1: unknown
	PartSize int64   `json:"part_size"`
	Done     []int64 `json:"done"` // bytes of each part, from its beginning
}

// maxState bounds the file that a state is read from.
const maxState = 1 << 20

// newState divides a file into parts; a partSize of 0 makes it one.
func newState(from string, size, partSize int64) state {
	parts := int64(1)
	if size > 0 && partSize > 0 {
		parts = (size-1)/partSize + 1
	} else {
		partSize = max(size, 0)
	}
	return state{from, size, partSize, make([]int64, parts)}
}

// partSizeFor is how large the parts of a file are: there are sixteen, within
// reason.
func (t tuning) partSizeFor(size int64) int64 {
	const mib = 1 << 20
	if t.partSize > 0 {
		return t.partSize
	}
	return min(max(size/16, 8*mib), 256*mib)
}

// readState returns what path says, and whether that makes sense.
func readState(path string) (state, bool) {
	info, err := os.Stat(path)
	if err != nil || info.Size() > maxState {
		return state{}, false
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return state{}, false
	}
	return parseState(data)
}

func parseState(data []byte) (s state, ok bool) {
	if json.Unmarshal(data, &s) != nil || s.Size < 0 || s.PartSize < 0 || len(s.Done) == 0 {
		return state{}, false
	}
	if want := int64(1); s.PartSize > 0 {
		want = max(want, (max(s.Size, 1)-1)/s.PartSize+1)
		ok = int64(len(s.Done)) == want
	} else {
		ok = s.Size == 0 && len(s.Done) == 1
	}
	for i, done := range s.Done {
		begin, end := s.span(i)
		ok = ok && done >= 0 && done <= end-begin
	}
	return s, ok
}

func (s state) write(path string) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(path, data)
}

// span is where a part begins and ends in the file; the end is -1 when nobody
// knows the size.
func (s state) span(i int) (begin, end int64) {
	if s.Size < 0 {
		return 0, -1
	}
	begin = int64(i) * s.PartSize
	return begin, min(begin+s.PartSize, s.Size)
}

// done is how much has arrived.
func (s state) done() (n int64) {
	for _, d := range s.Done {
		n += d
	}
	return n
}
