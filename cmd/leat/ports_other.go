//go:build !linux

package main

// listenerOf names the process that listens on a TCP port; there is no portable
// way to see it.
func listenerOf(string) string { return "" }
