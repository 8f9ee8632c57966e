package hub

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
)

// sum is a checksum that a server promises, as "sha256:HEX", or "git:HEX" for
// the SHA-1 of a git blob, which is what Hugging Face has for small files. It is
// "" when there is none.
type sum string

var (
	hex64 = regexp.MustCompile(`^[0-9a-f]{64}$`)
	hex40 = regexp.MustCompile(`^[0-9a-f]{40}$`)
)

func sha256Sum(s string) sum {
	if !hex64.MatchString(s) {
		return ""
	}
	return sum("sha256:" + s)
}

// gitSum is for what may be an ETag of Hugging Face: it is of either kind.
func gitSum(s string) sum {
	if s = strings.Trim(strings.TrimPrefix(s, "W/"), `"`); hex40.MatchString(s) {
		return sum("git:" + s)
	}
	return sha256Sum(s)
}

func (s sum) git() bool { return strings.HasPrefix(string(s), "git:") }

// fileSums are the checksums of a file on the disk.
type fileSums struct {
	size int64
	sha  string // SHA-256 in hex
	like sum    // of the kind that was promised
}

// sumFile reads a file; seen hears of the bytes as they pass.
func sumFile(ctx context.Context, f *os.File, want sum, seen func(int64)) (fileSums, error) {
	info, err := f.Stat()
	if err != nil {
		return fileSums{}, err
	}
	strong, git := sha256.New(), sha1.New()
	var all io.Writer = strong
	if want.git() {
		fmt.Fprintf(git, "blob %d\x00", info.Size())
		all = io.MultiWriter(strong, git)
	}
	buf := make([]byte, 1<<20)
	for at := int64(0); ctx.Err() == nil; {
		n, err := f.ReadAt(buf, at)
		all.Write(buf[:n])
		at += int64(n)
		seen(int64(n))
		if err == nil {
			continue
		} else if err != io.EOF {
			return fileSums{}, err
		}
		sums := fileSums{size: at, sha: hex.EncodeToString(strong.Sum(nil))}
		if sums.like = sum("sha256:" + sums.sha); want.git() {
			sums.like = sum("git:" + hex.EncodeToString(git.Sum(nil)))
		}
		return sums, nil
	}
	return fileSums{}, ctx.Err()
}
