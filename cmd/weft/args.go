package main

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
)

// Kong passes text through JSON, which would put U+FFFD for bytes that are not
// UTF-8. A prompt and a file's name are bytes: these mappers keep them.
var mappers = []kong.Option{
	kong.KindMapper(reflect.String, kong.MapperFunc(func(ctx *kong.DecodeContext, target reflect.Value) error {
		if ctx.Scan.Peek().IsEOL() {
			return errNoValue
		}
		token, err := ctx.Scan.PopValue("text")
		if err == nil {
			target.SetString(token.String())
		}
		return err
	})),
	kong.NamedMapper("path", kong.MapperFunc(func(ctx *kong.DecodeContext, target reflect.Value) error {
		if ctx.Scan.Peek().IsEOL() {
			return errNoValue
		}
		token, err := ctx.Scan.PopValue("a path")
		if err == nil {
			err = setPath(target, token.String())
		}
		return err
	})),
}

var errNoValue = errors.New("the value is missing")

// setPath keeps a path as it was given, but for a ~ that the shell left because
// it stood behind --flag=.
func setPath(target reflect.Value, path string) error {
	if path == "" {
		return errors.New("the path is empty")
	}
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			return err
		}
		path = filepath.Join(home, rest)
	}
	target.SetString(path)
	return nil
}

// glued joins a flag and a negative number after it, which the parser would
// take for another flag: --presence-penalty -0.5. After --decode, which has no
// value, it is a token ID; a space keeps the parser from looking for a flag.
func glued(args []string) []string {
	var out []string
	for _, arg := range args {
		last := len(out) - 1
		_, err := strconv.ParseFloat(arg, 64)
		if err == nil && strings.HasPrefix(arg, "-") && last >= 0 && len(out[last]) > 2 && strings.HasPrefix(out[last], "--") && !strings.Contains(out[last], "=") {
			if out[last] == "--decode" {
				out = append(out, " "+arg)
			} else {
				out[last] += "=" + arg
			}
			continue
		}
		out = append(out, arg)
	}
	return out
}
