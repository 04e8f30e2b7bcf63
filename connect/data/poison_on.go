//go:build invariants

package data

const poison = true
