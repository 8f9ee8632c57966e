package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"weft/internal/cpu"
)

type versionCommand struct{}

func (versionCommand) Help() string {
	return `The environment variable WEFT_CPU=generic|neon|avx2|avx512 lowers what is used of the CPU.

Example:

    weft version`
}

type versionJSON struct {
	Version string  `json:"version"`
	Commit  string  `json:"commit"`
	Go      string  `json:"go"`
	OS      string  `json:"os"`
	Arch    string  `json:"arch"`
	CPU     cpuJSON `json:"cpu"`
	Kernels string  `json:"kernels"`
	Threads int     `json:"threads"`
}

type cpuJSON struct {
	Name     string   `json:"name"`
	Cores    int      `json:"cores"`
	Best     string   `json:"best"`
	Features []string `json:"features"`
}

func (versionCommand) Run(a *app) error {
	v := versionJSON{
		Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH,
		CPU:     cpuJSON{cpu.Name(), cpu.Cores(), cpu.Best().String(), cpu.Features()},
		Kernels: cpu.Active().String(), Threads: a.Threads,
	}
	if v.Threads == 0 {
		v.Threads = cpu.Cores()
	}
	v.Version, v.Commit = built()
	if a.JSON {
		return a.writeJSON(v)
	}
	kernels := v.Kernels
	if v.Kernels != v.CPU.Best {
		kernels += ", the CPU could do " + v.CPU.Best
	}
	_, err := fmt.Fprintf(a.stdout, "weft     %s\nbuilt by %s %s/%s\nCPU      %s, %d cores\nfeatures %s\nkernels  %s\nthreads  %d\n",
		v.Version, v.Go, v.OS, v.Arch, v.CPU.Name, v.CPU.Cores, strings.Join(used(v.CPU.Features), " "), kernels, v.Threads)
	return err
}

// built is what the Go toolchain recorded about this program.
func built() (version, commit string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown", ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			commit = s.Value
		}
	}
	return info.Main.Version, commit // the version says "+dirty" if there were changes
}

// used are the features that kernels ask for, of the many that a CPU lists.
func used(features []string) []string {
	var found []string
	for _, f := range features {
		if strings.HasPrefix(f, "AVX") || f == "FMA3" || strings.HasPrefix(f, "ASIMD") || strings.HasPrefix(f, "SVE") {
			found = append(found, f)
		}
	}
	return found
}
