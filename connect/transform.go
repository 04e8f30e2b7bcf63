package connect

import (
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/data"
)

// Transform changes one record (an SMT). It is used by one goroutine.
type Transform interface {
	Define(d *config.Def)
	Configure(props map[string]string) error
	// Apply changes r in place; false drops it. New structs come from
	// r.Arena(). An error is that record's error (errors.tolerance).
	Apply(r *Record) (keep bool, err error)
	Close() error
}

// Predicate decides whether a transform applies. It is used by one goroutine.
type Predicate interface {
	Define(d *config.Def)
	Configure(props map[string]string) error
	Test(r *Record) (bool, error)
	Close() error
}

// Converter turns keys and values into bytes and back. It is used by one
// goroutine.
type Converter interface {
	Define(d *config.Def)
	// Configure is given the properties without the key.converter. or
	// value.converter. prefix.
	Configure(props map[string]string, isKey bool) error
	// FromConnect appends the encoded value to dst, which is not nil, and
	// returns it; nil means a null payload. headers may be appended to.
	FromConnect(dst []byte, topic string, headers *[]Header, s *data.Schema, v data.Value) ([]byte, error)
	// ToConnect decodes b, nil for a null payload. The value may alias b, which
	// is never written again, and takes structs from a.
	ToConnect(a *data.Arena, topic string, headers []Header, b []byte) (*data.Schema, data.Value, error)
	Close() error
}

// HeaderConverter does the same for one header value.
type HeaderConverter interface {
	Define(d *config.Def)
	Configure(props map[string]string) error
	FromConnectHeader(dst []byte, topic, key string, s *data.Schema, v data.Value) ([]byte, error)
	ToConnectHeader(a *data.Arena, topic, key string, b []byte) (*data.Schema, data.Value, error)
	Close() error
}
