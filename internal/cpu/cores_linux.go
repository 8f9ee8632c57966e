package cpu

import (
	"fmt"
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// physicalCores counts the cores behind the logical CPUs of the affinity mask.
// The kernel names a core's hyperthreads in one list, the same text for each of
// them; a machine without that file counts every logical CPU.
func physicalCores() int {
	var mask unix.CPUSet
	if unix.SchedGetaffinity(0, &mask) != nil {
		return runtime.NumCPU()
	}
	cores := map[string]bool{}
	for id, left := 0, mask.Count(); left > 0 && id < len(mask)*64; id++ {
		if !mask.IsSet(id) {
			continue
		}
		left--
		cores[siblings(id)] = true
	}
	return len(cores)
}

// siblings identifies the core of logical CPU id.
func siblings(id int) string {
	b, err := os.ReadFile(fmt.Sprintf("/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", id))
	if err != nil {
		return "cpu" + strconv.Itoa(id)
	}
	return strings.TrimSpace(string(b))
}

// quota is the whole number of CPUs that the cgroups of this process allow, at
// least 1, or 0 when there is no limit. A fraction is rounded down: a spinning
// thread over the quota gets the whole process throttled.
func quota() int {
	b, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return 0
	}
	return quotaIn(string(b), func(name string) string {
		b, _ := os.ReadFile(name)
		return string(b)
	})
}

// quotaIn works on the text of /proc/self/cgroup; read returns a file's text, or
// "" when it cannot be read. A limit on any ancestor binds, so it walks up.
func quotaIn(cgroups string, read func(string) string) int {
	limit := 0
	note := func(quota, period string) {
		q, err1 := strconv.ParseFloat(quota, 64)
		p, err2 := strconv.ParseFloat(period, 64)
		if err1 != nil || err2 != nil || q <= 0 || p <= 0 {
			return
		}
		if n := max(1, int(q/p)); limit == 0 || n < limit {
			limit = n
		}
	}
	for line := range strings.Lines(cgroups) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		v2 := parts[0] == "0" && parts[1] == ""
		if !v2 && !hasController(parts[1], "cpu") {
			continue
		}
		for dir := path.Clean("/" + parts[2]); ; dir = path.Dir(dir) {
			if v2 {
				if f := strings.Fields(read(path.Join("/sys/fs/cgroup", dir, "cpu.max"))); len(f) == 2 {
					note(f[0], f[1])
				}
			} else {
				base := path.Join("/sys/fs/cgroup/cpu", dir)
				note(strings.TrimSpace(read(base+"/cpu.cfs_quota_us")), strings.TrimSpace(read(base+"/cpu.cfs_period_us")))
			}
			if dir == "/" {
				break
			}
		}
	}
	return limit
}

func hasController(list, name string) bool {
	for c := range strings.SplitSeq(list, ",") {
		if c == name {
			return true
		}
	}
	return false
}
