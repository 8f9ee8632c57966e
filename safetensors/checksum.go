package safetensors

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
)

// ChecksumKey is the metadata under which [Write] stores a SHA-256 (64 hexadecimal digits) over the whole file: of the
// header with those digits replaced by zeros, followed by the SHA-256 of every 4 MiB of the data. (Pieces, so that
// cores share the work.) [Open] refuses a file whose checksum differs; a file without one is not checked.
const ChecksumKey = "weft.sha256"

const chunk = 4 << 20

var blank = strings.Repeat("0", 2*sha256.Size)

// ErrChecksum is wrapped when a file's content is not what was written.
var ErrChecksum = errors.New("the content is damaged: its checksum differs")

// verify checks the checksum, when the metadata has one.
func (f *File) verify(header []byte) error {
	want, ok := f.metadata[ChecksumKey]
	if !ok {
		return f.nearlyChecksum()
	}
	if sum, err := hex.DecodeString(want); err != nil || len(sum) != sha256.Size {
		return fmt.Errorf("metadata %s is not a SHA-256", ChecksumKey)
	}
	at := bytes.Index(header, []byte(want))
	if at < 0 {
		return fmt.Errorf("metadata %s is written in an unusual way", ChecksumKey)
	}
	blanked := bytes.Clone(header)
	copy(blanked[at:], blank)
	if checksum(blanked, chunkSums(f.data)) != want {
		return ErrChecksum
	}
	return nil
}

// nearlyChecksum notices damage to the key itself, which would otherwise turn the check off: one wrong byte leaves
// either its beginning or its end.
func (f *File) nearlyChecksum() error {
	for key := range f.metadata {
		if len(key) == len(ChecksumKey) && (strings.HasPrefix(key, "weft") || strings.HasSuffix(key, "sha256")) {
			return fmt.Errorf("%w (metadata %q should read %s)", ErrChecksum, key, ChecksumKey)
		}
	}
	return nil
}

func checksum(blankedHeader, chunks []byte) string {
	h := sha256.New()
	h.Write(blankedHeader)
	h.Write(chunks)
	return hex.EncodeToString(h.Sum(nil))
}

// chunkSums hashes data in chunks, on all cores, and returns the sums in order.
func chunkSums(data []byte) []byte {
	n := (len(data) + chunk - 1) / chunk
	sums := make([]byte, n*sha256.Size)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				sum := sha256.Sum256(data[i*chunk : min((i+1)*chunk, len(data))])
				copy(sums[i*sha256.Size:], sum[:])
			}
		})
	}
	wg.Wait()
	return sums
}

// chunker is the writer's side of chunkSums: it hashes a stream.
type chunker struct {
	sums []byte
	buf  []byte // the chunk being filled
}

// Write implements [io.Writer]. Whole groups of chunks are hashed together, so that cores share the work here too.
func (c *chunker) Write(p []byte) (int, error) {
	written := len(p)
	for len(p) > 0 {
		if len(c.buf) == 0 && len(p) >= chunk { // whole chunks straight from the caller's memory
			whole := len(p) / chunk * chunk
			c.sums = append(c.sums, chunkSums(p[:whole])...)
			p = p[whole:]
			continue
		}
		n := min(len(p), chunk-len(c.buf))
		c.buf = append(c.buf, p[:n]...)
		p = p[n:]
		if len(c.buf) == chunk {
			c.flush()
		}
	}
	return written, nil
}

func (c *chunker) flush() {
	c.sums = append(c.sums, chunkSums(c.buf)...)
	c.buf = c.buf[:0]
}

func (c *chunker) finish() []byte {
	c.flush()
	return c.sums
}

var _ io.Writer = (*chunker)(nil)
