package cpu

import "testing"

func TestQuota(t *testing.T) {
	for _, c := range []struct {
		name, cgroups string
		files         map[string]string
		want          int
	}{
		{"none", "0::/\n", nil, 0},
		{"v2 max", "0::/app\n", map[string]string{"/sys/fs/cgroup/app/cpu.max": "max 100000\n"}, 0},
		{"v2", "0::/app\n", map[string]string{"/sys/fs/cgroup/app/cpu.max": "350000 100000\n"}, 3},
		{"v2 fraction", "0::/app\n", map[string]string{"/sys/fs/cgroup/app/cpu.max": "50000 100000\n"}, 1},
		{"v2 ancestor", "0::/a/b\n", map[string]string{
			"/sys/fs/cgroup/a/cpu.max":   "200000 100000\n",
			"/sys/fs/cgroup/a/b/cpu.max": "800000 100000\n"}, 2},
		{"v1", "4:cpu,cpuacct:/x\n5:cpuset:/x\n", map[string]string{
			"/sys/fs/cgroup/cpu/x/cpu.cfs_quota_us":  "400000\n",
			"/sys/fs/cgroup/cpu/x/cpu.cfs_period_us": "100000\n"}, 4},
		{"v1 unlimited", "4:cpu:/\n", map[string]string{
			"/sys/fs/cgroup/cpu/cpu.cfs_quota_us":  "-1\n",
			"/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"}, 0},
		{"garbage", "nonsense\n0::\n", map[string]string{"/sys/fs/cgroup/cpu.max": "x y z\n"}, 0},
	} {
		got := quotaIn(c.cgroups, func(name string) string { return c.files[name] })
		if got != c.want {
			t.Errorf("%s: quota %d, want %d", c.name, got, c.want)
		}
	}
}
