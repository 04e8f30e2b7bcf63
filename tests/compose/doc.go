// Package compose holds the tests of the container files at the root: that the
// compose files are valid and that what they and the Dockerfile name exists.
package compose
