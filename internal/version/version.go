// Package version says what this binary is.
package version

import "runtime/debug"

// Version is the release, in the form of semantic versioning.
const Version = "0.1.0"

// Info describes the binary and what it answers as.
type Info struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"` // of the source, "" if not known
	Go       string `json:"go"`
	Connect  string `json:"connect"`  // the Kafka Connect release it behaves as
	Debezium string `json:"debezium"` // the Debezium release it behaves as
}

// Get returns what is known of the running binary.
func Get() Info {
	i := Info{Version: Version, Connect: Connect, Debezium: Debezium}
	if b, ok := debug.ReadBuildInfo(); ok {
		i.Go = b.GoVersion
		for _, s := range b.Settings {
			if s.Key == "vcs.revision" {
				i.Commit = s.Value
			}
		}
	}
	return i
}

// The releases whose behaviour is the contract.
const (
	Connect  = "4.3.1"
	Debezium = "3.5.0.Final"
)
