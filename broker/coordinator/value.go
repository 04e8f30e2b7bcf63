package coordinator

import (
	"encoding/binary"
	"fmt"

	"github.com/leat-project/leat/broker/shape"
)

// CheckValue refuses the value of a record that cannot be decoded for its version
// or shape. newest is the newest version that can be read, and the first flexible
// one; layout is that version's.
func CheckValue(value []byte, newest int16, layout func() *shape.Layout) error {
	if len(value) < 2 {
		return fmt.Errorf("a value of %d bytes", len(value))
	}
	switch version := int16(binary.BigEndian.Uint16(value)); {
	case version < 0 || version > newest:
		return fmt.Errorf("version %d, this program reads up to %d: a newer one wrote it", version, newest)
	case version == newest:
		return layout().Check(value)
	}
	return nil
}
