//go:build !unix

package atomicfile

// syncDir does nothing: outside Unix a folder cannot be opened for syncing, and the rename is journalled.
func syncDir(string) error { return nil }
