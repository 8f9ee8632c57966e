package tensor

import (
	"strings"
	"testing"
)

func TestHugeIn(t *testing.T) {
	const smaps = `c000000000-c004000000 rw-p 00000000 00:00 0                              [anon: Go: heap]
Size:              65536 kB
AnonHugePages:     61440 kB
VmFlags: rd wr mr mw me ac sd hg
c004000000-c00c000000 rw-p 00000000 00:00 0
AnonHugePages:      4096 kB
7f0000000000-7f0000200000 r--p 00000000 08:01 12                         /a-b: c
AnonHugePages:      2048 kB
`
	const mb = 1 << 20
	for _, c := range []struct {
		spans []span
		want  int
	}{
		{nil, 0},
		{[]span{{0xc000000000, 0xc000000000 + 32*mb}}, 32 * mb},
		{[]span{{0xc000000000, 0xc000000000 + 32*mb}, {0xc000000000 + 34*mb, 0xc004000000}}, 60 * mb},
		{[]span{{0xc000000000 + 62*mb, 0xc004000000 + 10*mb}}, 2*mb + 4*mb},
		{[]span{{0xd000000000, 0xd000000000 + 2*mb}}, 0},
	} {
		if got, err := hugeIn(strings.NewReader(smaps), c.spans); got != c.want || err != nil {
			t.Errorf("%x: %d, %v, want %d", c.spans, got, err, c.want)
		}
	}
	for _, bad := range []string{"", "c000000000-c004000000 rw-p\nSize: 3 kB\n", "AnonHugePages: many kB\n"} {
		if _, err := hugeIn(strings.NewReader(bad), nil); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

// TestArenaHuge: as much as is in whole pages could be in huge ones, and no more is.
func TestArenaHuge(t *testing.T) {
	var a Arena
	if is, could, err := a.Huge(); is != 0 || could != 0 || err != nil {
		t.Errorf("nothing: %d of %d, %v", is, could, err)
	}
	sizes := []int{3 << 20, 5, arenaChunk / 2, 7 << 20, arenaChunk - 9}
	for _, n := range sizes {
		for i, x := 0, a.take(n); i < n; i += 512 {
			x[i] = 1
		}
	}
	is, could, err := a.Huge()
	if err != nil {
		t.Fatal(err)
	}
	all := 0
	for _, n := range sizes {
		all += 4 * n
	}
	if could > all || could < all-3*2*hugePage || is > could {
		t.Errorf("%d bytes in huge pages of %d that could be, of %d", is, could, all)
	}
	t.Logf("%d of %d MB are in huge pages", is>>20, could>>20)
}
